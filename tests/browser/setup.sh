#!/usr/bin/env bash
# Finds what the tests of the console need, installs what is missing, and prints it: the paths of a Chromium, of its driver, and of axe.
# CHROMIUM and CHROMEDRIVER name others than those of the system. Exit status 3: they are missing and cannot be installed here; the
# tests of the pages say so and are left out.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/aws-load-balancer-controller
mkdir -p "$cache"
# Of several that want it at once, one installs and the others wait.
exec 9>"$cache/browser.lock"
if command -v flock >/dev/null; then flock 9; fi

chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
driver=${CHROMEDRIVER:-$(command -v chromedriver || true)}
if [[ -z $chromium || -z $driver ]]; then
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "the tests of the console need Chromium and its driver: install the packages chromium and chromium-driver, or set CHROMIUM and CHROMEDRIVER" >&2
    exit 3
  fi
  echo "installing chromium and chromium-driver" >&2
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium chromium-driver fonts-dejavu-core; } >&2 || exit 3
  chromium=$(command -v chromium) driver=$(command -v chromedriver)
fi

sum=$(openssl dgst -sha256 -r "$here/package-lock.json" | cut -c1-16)
axe=$cache/axe-$sum/node_modules/axe-core/axe.min.js
if [[ ! -f $axe ]]; then
  command -v npm >/dev/null || { echo "the check for accessibility needs npm: https://nodejs.org" >&2; exit 3; }
  echo "fetching axe" >&2
  copy=$(mktemp -d)
  trap 'rm -rf "$copy"' EXIT
  cp "$here/package.json" "$here/package-lock.json" "$copy"
  (cd "$copy" && npm ci --ignore-scripts --no-audit --no-fund) >&2 || exit 3
  rm -rf "$cache/axe-$sum"
  mv "$copy" "$cache/axe-$sum"
  trap - EXIT
fi
printf '%s\n' "$chromium" "$driver" "$axe"
