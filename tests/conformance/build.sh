#!/usr/bin/env bash
# Builds the conformance suite of the Gateway API and its echo server once, pinned by go.sum, with the resource definitions they
# belong to, and prints the folder that holds them. `build.sh crds` makes the definitions alone.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sum=$(cat "$here/go.sum" "$here/conformance_test.go" | openssl dgst -sha256 -r | cut -c1-16)
bin=${XDG_CACHE_HOME:-$HOME/.cache}/aws-load-balancer-controller/conformance-$sum

mkdir -p "$bin"
# Of several that want it at once, one builds and the others wait.
exec 9>"$bin.lock"
if command -v flock >/dev/null; then flock 9; fi

cd "$here"
need_go() {
  command -v go >/dev/null || { echo "$1 needs Go: https://go.dev/dl" >&2; exit 1; }
  echo "$1" >&2
}

if [[ ! -f "$bin/crds.yaml" ]]; then
  need_go "fetching the resource definitions of the Gateway API"
  go mod download sigs.k8s.io/gateway-api >&2
  module=$(go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)
  for file in "$module"/config/crd/experimental/gateway*.yaml; do echo '---'; cat "$file"; done >"$bin/crds.part"
  mv "$bin/crds.part" "$bin/crds.yaml"
fi

if [[ "${1:-}" != crds && ! -f "$bin/echo-basic" ]]; then
  need_go "building the conformance suite of the Gateway API"
  go test -c -o "$bin/conformance.test" . >&2
  go build -ldflags '-s -w' -o "$bin/echo-basic.part" sigs.k8s.io/gateway-api/conformance/echo-basic >&2
  mv "$bin/echo-basic.part" "$bin/echo-basic"
fi
echo "$bin"
