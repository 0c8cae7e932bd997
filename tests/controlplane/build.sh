#!/usr/bin/env bash
# Builds the test control plane once and prints the folder that holds it.
#
# The versions are pinned by go.mod and go.sum; the folder is named after go.sum, so a bump of a version builds anew and a switch
# back costs nothing. A binary that stands in $KUBEBUILDER_ASSETS is taken from there and not built. A build that was interrupted goes on
# with the next binary. `build.sh where` prints the folder and builds nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sum=$(openssl dgst -sha256 -r "$here/go.sum" | cut -c1-16)
bin=${XDG_CACHE_HOME:-$HOME/.cache}/aws-load-balancer-controller/controlplane-$sum
assets=${KUBEBUILDER_ASSETS:-}
if [[ ${1:-} == where ]]; then echo "$bin"; exit; fi

# name of the binary, Go package
table='
etcd go.etcd.io/etcd/server/v3
kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
kube-scheduler k8s.io/kubernetes/cmd/kube-scheduler
kubectl k8s.io/kubernetes/cmd/kubectl
kwok sigs.k8s.io/kwok/cmd/kwok
helm helm.sh/helm/v3/cmd/helm
'

mkdir -p "$bin"
# Of several that want it at once, one builds and the others wait.
exec 9>"$bin.lock"
if command -v flock >/dev/null; then flock 9; fi

missing=()
while read -r name package; do
  [[ -n "$name" ]] || continue
  [[ -x "$bin/$name" || ( -n "$assets" && -x "$assets/$name" ) ]] || missing+=("$name=$package")
done <<<"$table"

if ((${#missing[@]})); then
  command -v go >/dev/null || { echo "building the test control plane needs Go: https://go.dev/dl" >&2; exit 1; }
  part=$(mktemp -d "$bin.part.XXXXXX")
  trap 'rm -rf "$part"' EXIT
  cd "$here"
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  minor=${version#v1.} minor=${minor%%.*}
  stamp=k8s.io/component-base/version
  flags="-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor"
  for entry in "${missing[@]}"; do
    started=$SECONDS
    echo "building ${entry%%=*} of the test control plane ($version)" >&2
    go build -ldflags "$flags" -o "$part/${entry%%=*}" "${entry#*=}" >&2
    mv "$part/${entry%%=*}" "$bin/"
    echo "  done after $((SECONDS - started)) s" >&2
  done
fi
echo "$bin"
