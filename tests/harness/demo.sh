#!/usr/bin/env bash
# Builds what the demo needs, as far as it is missing, and runs it. Says which step it is at, how long it may take, and at least
# every 15 s that it goes on. The argument is cargo's target folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$1

# A line now and then while a command runs. Arguments: what to say, the command.
watched() {
  local what=$1 started=$SECONDS
  shift
  (while sleep 15; do echo "  … $what: $((SECONDS - started)) s so far" >&2; done) &
  local sign=$!
  local status=0
  "$@" || status=$?
  kill "$sign" 2>/dev/null || true
  wait "$sign" 2>/dev/null || true
  if ((status)); then
    echo "$what failed; what is finished is kept, and \`make demo\` goes on from there" >&2
    exit "$status"
  fi
}

# Arguments: the number of the step, its title, how long it takes the first time, and whether it has been done before.
step() {
  local time=$3
  if [[ $4 == done ]]; then time='seconds, it was built before'; fi
  echo "step $1 of 4: $2, $time"
}

done_if() { if "$@"; then echo done; else echo new; fi; }

programs() {
  local folder
  folder=$(tests/controlplane/build.sh where)
  for program in etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kwok helm; do
    [[ -x $folder/$program || ( -n ${KUBEBUILDER_ASSETS:-} && -x $KUBEBUILDER_ASSETS/$program ) ]] || return 1
  done
}

step 1 'a Kubernetes control plane, from pinned sources' 'about 8 minutes' "$(done_if programs)"
watched 'building the control plane' tests/controlplane/build.sh >/dev/null

step 2 'the controller' 'about 6 minutes' "$(done_if test -x "$target/debug/aws-load-balancer-controller")"
watched 'building the controller' \
  cargo build -p aws-load-balancer-controller -p harness --bin aws-load-balancer-controller

step 3 'the simulated AWS, and the demo' 'about 3 minutes' "$(done_if test -x "$target/debug/demo")"
watched 'building the demo' cargo build -p aws-load-balancer-controller -p harness --bins

step 4 'the demo' 'about 1 minute' new
exec "$target/debug/demo"
