#!/usr/bin/env bash
# Builds the static binary for each architecture and writes the image, or a whole release, without a container daemon.
#
#   release/image.sh image|gather <folder> [more arguments of the tool in release]
#
# $arches are the architectures, "amd64 arm64" unless given; those that cannot be built here are left out, with the reason. $profile
# is cargo's profile, release unless given.
#
# The binary is linked with everything it needs, the C library among it. That of glibc 2.34 or later resolves names by files and DNS
# without loading anything. Paths of this machine are not in it: the same commit, compiler and C library give the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

what=$1 out=$2
shift 2
target_dir=${CARGO_TARGET_DIR:-target}
profile=${profile:-release}
name=aws-load-balancer-controller
cargo_home=${CARGO_HOME:-$HOME/.cargo}
here=$(rustc -vV | sed -n 's/^host: //p')

# Says why a target cannot be built here; nothing if it can.
obstacle() {
  local target=$1 linker=$2
  [[ -d $(rustc --print target-libdir --target "$target") ]] || { echo "rustup target add $target"; return; }
  [[ $target == "$here" ]] && return
  command -v "$linker" >/dev/null || echo "a C compiler is needed: apt-get install gcc-${linker%-gcc} libc6-dev-$3-cross"
}

binaries=()
for arch in ${arches:-amd64 arm64}; do
  case $arch in
    amd64) target=x86_64-unknown-linux-gnu linker=x86_64-linux-gnu-gcc ;;
    arm64) target=aarch64-unknown-linux-gnu linker=aarch64-linux-gnu-gcc ;;
    *) echo "no architecture $arch: amd64 and arm64 are known" >&2; exit 1 ;;
  esac
  why=$(obstacle "$target" "$linker" "$arch")
  if [[ -n $why ]]; then
    if [[ -n ${arches:-} ]]; then echo "$arch cannot be built here: $why" >&2; exit 1; fi
    echo "left out: $arch ($why)" >&2
    continue
  fi
  if [[ $target != "$here" ]]; then
    upper=${target^^}
    export "CARGO_TARGET_${upper//-/_}_LINKER=$linker" "CC_${target//-/_}=$linker" "AR_${target//-/_}=${linker%-gcc}-ar"
  fi
  echo "building the static binary for $arch ($profile)" >&2
  RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$PWD=/src" \
  CFLAGS="-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$PWD=/src" \
    cargo build --profile "$profile" --locked --package "$name" --bin "$name" --target "$target" >&2
  folder=$profile
  [[ $profile == dev ]] && folder=debug
  binaries+=(--binary "$target=$target_dir/$target/$folder/$name")
done
((${#binaries[@]})) || { echo "nothing can be built here" >&2; exit 1; }

cargo build --quiet --release --locked --package release
"$target_dir/release/release" "$what" "${binaries[@]}" --out "$out" "$@"
