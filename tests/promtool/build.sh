#!/usr/bin/env bash
# Builds promtool once, pinned by go.sum, and prints its path. One that $PROMTOOL names is taken as it is.
set -euo pipefail

if [[ -n "${PROMTOOL:-}" ]]; then echo "$PROMTOOL"; exit; fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sum=$(openssl dgst -sha256 -r "$here/go.sum" | cut -c1-16)
promtool=${XDG_CACHE_HOME:-$HOME/.cache}/aws-load-balancer-controller/promtool-$sum

mkdir -p "$(dirname "$promtool")"
# Of several that want it at once, one builds and the others wait.
exec 9>"$promtool.lock"
if command -v flock >/dev/null; then flock 9; fi

if [[ ! -x "$promtool" ]]; then
  command -v go >/dev/null || { echo "building promtool needs Go: https://go.dev/dl" >&2; exit 1; }
  echo "building promtool" >&2
  # The module names what it builds only by its requirement, hence -mod=mod, on a copy that may be changed.
  copy=$(mktemp -d)
  trap 'rm -rf "$copy"' EXIT
  cp "$here/go.mod" "$here/go.sum" "$copy"
  # Without the tag every service discovery of Prometheus comes along, with an SDK each.
  (cd "$copy" && GOFLAGS=-mod=mod go build -tags remove_all_sd -ldflags '-s -w' -o promtool \
    github.com/prometheus/prometheus/cmd/promtool) >&2
  mv "$copy/promtool" "$promtool"
fi
echo "$promtool"
