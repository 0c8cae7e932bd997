#!/usr/bin/env bash
# Writes functions.order: the functions that a release binary runs while the demo uses it. Needs valgrind.
#
# Due when the idle process has grown by megabytes without a reason (`make bench`), such as after an update of dependencies or of
# Rust, which renames their functions.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
binary=$target/release/aws-load-balancer-controller
traces=$(mktemp -d)
trap 'rm -rf "$traces"' EXIT

cargo build --release --locked --bin aws-load-balancer-controller
cargo build --locked --package aws-load-balancer-controller --package harness --bins
# why: written every so often, because the demo may kill the process at any time
cat > "$traces/controller" <<EOF
#!/bin/sh
exec valgrind -q --tool=callgrind --demangle=no --dump-every-bb=5000000 --callgrind-out-file=$traces/%p.trace "$binary" "\$@"
EOF
chmod +x "$traces/controller"
CONTROLLER_BINARY=$traces/controller "$target/debug/demo"

# Those of the start first: they are all that an idle process needs.
nm --defined-only "$binary" | awk '$2 ~ /^[tTwW]$/ { print $3 }' > "$traces/defined"
ls -v "$traces"/*.trace* | xargs sed -nE "s/^c?fn=\([0-9]+\) ([^']+).*/\1/p" |
  awk 'NR == FNR { defined[$0]; next } $0 in defined && !seen[$0]++' "$traces/defined" - > linker/functions.order
wc -l linker/functions.order
