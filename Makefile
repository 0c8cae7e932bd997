# What people type. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

target := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: demo
demo: ## the whole product on a real control plane, step by step; KEEP=1 leaves it running to play with
	@KEEP=$(KEEP) tests/harness/demo.sh $(target)

# why: what passed once passes again, everywhere; `make soak` goes looking for what nobody has seen yet
test test-core: export PROPTEST_RNG_SEED ?= 35

.PHONY: traffic
traffic: controlplane ## requests lost while things change, as a table in docs/performance.md; beside="BINARY CHART" runs another controller too
	cargo build --workspace --bins
	@mkdir -p $(target)/traffic
	$(target)/debug/traffic run --out $(target)/traffic/drain.json --name "this controller with pod drain" --drain $(and $(only),--only $(only))
	$(target)/debug/traffic run --out $(target)/traffic/this.json --name "this controller without" $(and $(only),--only $(only))
ifdef beside
	$(target)/debug/traffic run --out $(target)/traffic/beside.json --name "$(or $(name),the other controller)" \
	  --controller $(word 1,$(beside)) --chart $(word 2,$(beside)) $(and $(only),--only $(only))
endif
	$(target)/debug/traffic table docs/performance.md $(target)/traffic/drain.json $(target)/traffic/this.json $(and $(beside),$(target)/traffic/beside.json)

.PHONY: conformance-suite
conformance-suite: ## the conformance suite of the Gateway API, built once into the cache folder
	@tests/conformance/build.sh >/dev/null

.PHONY: conformance
conformance: controlplane conformance-suite ## the conformance suite of the Gateway API, as docs/conformance.md; class=alb tests=A,B runs some; needs low ports (root, or net.ipv4.ip_unprivileged_port_start=0)
	cargo build --workspace --bins
	$(target)/debug/conformance $(if $(tests),$(or $(class),alb),$(class)) $(tests)

.PHONY: test
test: test-core controlplane promtool browser ## all tests: the core alone, then everything, end to end included
	cargo build --workspace --bins
	cargo test --workspace

.PHONY: test-core
test-core: ## the core alone, which cannot even link a socket; seconds when warm
	cargo test --package aws-load-balancer-controller --no-default-features --lib

.PHONY: soak
soak: ## property tests of the whole machinery with new random cases; CASES=200 of each
	PROPTEST_CASES=$(or $(CASES),200) cargo test --package it --test it -- services:: groups:: bindings:: targets::

.PHONY: test-report
test-report: ## one broken Ingress of fifty, in every way we could think of, as a table
	cargo test --package it --test it -- breakages --nocapture

.PHONY: lint
lint: format deny rustdoc ## formatting, clippy on everything, links between documentation comments, dependencies
	cargo clippy --package aws-load-balancer-controller --no-default-features --all-targets -- -D warnings
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: format
format: ## is the formatting right?
	cargo fmt --all --check

.PHONY: deny
deny: ## licences, sources and versions of the dependencies
	@command -v cargo-deny >/dev/null || cargo install cargo-deny --locked
	cargo deny --log-level error check bans licenses sources

.PHONY: audit
audit: ## known vulnerabilities of the dependencies; needs the network and blocks nothing
	@command -v cargo-deny >/dev/null || cargo install cargo-deny --locked
	cargo deny check advisories

.PHONY: bench
bench: ## how fast it is: the core alone, many objects at the pace of AWS, one process (see docs/performance.md)
	cargo bench --package rig --bench core
	cargo bench --package rig --bench admission
	cargo bench --package rig --bench scaling
	cargo bench --package rig --bench estate
	cargo build --release --package aws-load-balancer-controller --package rig --bins
	$(target)/release/measure
	$(target)/release/measure process $(target)/release/aws-load-balancer-controller
	$(target)/release/measure gateways $(target)/release/aws-load-balancer-controller

.PHONY: scale
scale: ## thousands of load balancers, 50,000 pods and what may go wrong, as tables in docs/performance.md; an hour, two cores
	cargo build --release --package aws-load-balancer-controller --package rig --bins
	@mkdir -p $(target)/scale
	$(target)/release/measure scale | tee $(target)/scale/1-load-balancers.md
	$(target)/release/measure faults | tee $(target)/scale/2-faults.md
	taskset --cpu-list 1 $(target)/release/measure start $(target)/release/aws-load-balancer-controller | tee $(target)/scale/3-start.md
	$(target)/release/measure write docs/performance.md $(target)/scale/*.md

.PHONY: controlplane
controlplane: ## the test control plane, built once into the cache folder (minutes when cold)
	@tests/controlplane/build.sh

.PHONY: promtool
promtool: ## the tester of alert rules, built once into the cache folder
	@tests/promtool/build.sh

.PHONY: browser
browser: ## Chromium, its driver and axe for the tests of the console; installed where they are missing (root, Debian)
	@tests/browser/setup.sh >/dev/null || [ $$? -eq 3 ]

.PHONY: alerts
alerts: promtool ## do the alerts fire when they should, and only then?
	@"$$(tests/promtool/build.sh)" test rules tests/cases/alerts/alerts.test.yaml

.PHONY: generated
generated: controlplane ## write anew what is written from the source: reference pages, policies, the chart's README and cases
	UPDATE_GOLDEN=1 cargo test --package aws-load-balancer-controller --lib -- the_reference_page_is_fresh
	UPDATE_GOLDEN=1 cargo test --package it --test it -- docs:: chart::

.PHONY: order
order: controlplane ## write anew which functions stand together in the release binary (see build.rs); needs valgrind
	linker/order.sh

.PHONY: docs
docs: rustdoc ## the book into target/book, and the API documentation of all crates
	@command -v mdbook >/dev/null || cargo install mdbook --locked
	mdbook build docs

.PHONY: rustdoc
rustdoc: ## the API documentation of all crates; every link in it leads somewhere
	RUSTDOCFLAGS='-D warnings -A rustdoc::private-intra-doc-links' cargo doc --workspace --no-deps

.PHONY: image
image: ## the container image, without a daemon, into target/image; arches="amd64 arm64"
	@release/image.sh image $(target)/image

.PHONY: release
release: controlplane ## image, chart, binaries, manifest, krew entry and checksums into target/dist; url=<where they will be>
	@release/image.sh gather $(target)/dist --helm "$$(tests/controlplane/build.sh)/helm" --url "$(or $(url),https://example.com/releases)"

.PHONY: test-image
test-image: controlplane static ## the image, run where there is nothing else
	cargo test --package harness --test image -- --include-ignored

.PHONY: static
static: ## the debug binary, linked with everything it needs, for the test of the image
	@cargo rustc --package aws-load-balancer-controller --bin aws-load-balancer-controller -- -C target-feature=+crt-static
	@mkdir -p $(target)/static
	@strip -o $(target)/static/aws-load-balancer-controller $(target)/debug/aws-load-balancer-controller
