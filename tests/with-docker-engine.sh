#!/usr/bin/env bash
# Runs a command with a Docker engine: the one DOCKER_HOST names or the default socket's when it answers, otherwise a private one
# that ends with the command. Exit code: the command's.
#
#   tests/with-docker-engine.sh COMMAND [ARG…]
#
# The private engine lives in network and mount namespaces of its own (a second dockerd in the host's would take its bridge away), keeps its
# data on a tmpfs, and reaches the network through slirp4netns where that is installed. Without root or dockerd the command runs all the same,
# and tests that need an engine skip.
set -euo pipefail

answers() { docker version >/dev/null 2>&1 || curl --silent --fail --max-time 5 --unix-socket "${1#unix://}" http://engine/_ping >/dev/null 2>&1; }

PATH=$PATH:/usr/sbin:/sbin
if answers "${DOCKER_HOST:-unix:///var/run/docker.sock}"; then exec "$@"; fi
if [ "$(id -u)" -ne 0 ] || ! command -v dockerd >/dev/null; then
  echo "no Docker engine answers, and none can be started here (needs root and dockerd): tests that need one will skip" >&2
  exec "$@"
fi
if [ -z "${GRID_TEST_ENGINE:-}" ]; then
  # All mounts of the engine end with this namespace, however this script ends.
  GRID_TEST_ENGINE=$(mktemp -d /tmp/grid-engine.XXXXXX)
  export GRID_TEST_ENGINE
  code=0
  unshare --mount --propagation slave "$0" "$@" || code=$?
  # What the engine left running, and is just ending, may still write there; that is no failure of the command's.
  for _ in 1 2 3; do
    if rm -rf "$GRID_TEST_ENGINE" 2>/dev/null; then break; fi
    sleep 1
  done
  exit "$code"
fi

home=$GRID_TEST_ENGINE
mkdir -p "$home/data" "$home/run"
mount -t tmpfs -o size=50% grid-engine "$home/data"
# Signals would reach the engine before the command is done with it, hence a session of its own.
setsid unshare --net sh -c 'ip link set lo up; echo $$ >"$1/pid"; exec setpriv --pdeathsig TERM dockerd --host "unix://$1/docker.sock" --data-root "$1/data" --exec-root "$1/run" --pidfile "$1/dockerd.pid"' \
  sh "$home" >"$home/log" 2>&1 </dev/null &
slirp=
end_engine() {
  if [ -n "$slirp" ]; then kill "$slirp" 2>/dev/null || true; fi
  kill "$(cat "$home/pid")" 2>/dev/null || true
  wait || true
}
trap end_engine EXIT

export DOCKER_HOST=unix://$home/docker.sock
for _ in $(seq 1200); do
  if [ -S "$home/docker.sock" ] && answers "$DOCKER_HOST"; then break; fi
  if [ -s "$home/pid" ] && ! kill -0 "$(cat "$home/pid")" 2>/dev/null; then break; fi
  sleep 0.1
done
if ! answers "$DOCKER_HOST"; then
  echo "the private Docker engine does not start; tests that need one will skip. Its log ends with:" >&2
  tail -5 "$home/log" >&2
  unset DOCKER_HOST
elif command -v slirp4netns >/dev/null; then
  slirp4netns --configure --mtu=1400 --disable-host-loopback "$(cat "$home/pid")" tap0 >"$home/slirp.log" 2>&1 </dev/null &
  slirp=$!
fi
"$@"
