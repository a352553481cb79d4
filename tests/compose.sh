#!/usr/bin/env bash
# Tries what docs/deploy.md says of docker-compose.yml, on a Docker engine (tests/with-docker-engine.sh when none runs): makes the images, starts the grid,
# builds the quickstart's app on it, kills the container of the node that a second build works on, and wants that build to succeed. 3 to 10 minutes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. deploy/system-packages.sh
need_packages 'docker-compose=docker-compose' 'skopeo=skopeo' 'jq=jq'
docker version >/dev/null 2>&1 || exec tests/with-docker-engine.sh "$0" "$@"

work=$(mktemp -d)
export COMPOSE_PROJECT_NAME=gridcheck COMPOSE_PROFILES=metrics
trap 'docker-compose logs --no-color >"$root/artifacts/compose.log" 2>&1 || true; docker-compose down --volumes --timeout 5 >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
mkdir -p artifacts

# The private engine publishes ports in its own network namespace.
here() { if [ -n "${GRID_TEST_ENGINE:-}" ]; then nsenter "--net=/proc/$(cat "$GRID_TEST_ENGINE/pid")/ns/net" "$@"; else "$@"; fi; }
grid() { here env HOME="$work" "$root/artifacts/images/bin/grid" "$@"; }
step() { printf '\n==> %s\n' "$*"; }

step "Images"
deploy/images.sh
docker-compose config --quiet
step "Three nodes, and Prometheus"
docker-compose up -d
for _ in $(seq 120); do
  if here curl -fs http://127.0.0.1:7400/health/ready | grep -q '"silos":\["grid-1","grid-2","grid-3"\]'; then ready=1; break; fi
  sleep 1
done
[ -n "${ready:-}" ] || { echo "the three nodes did not find each other: artifacts/compose.log" >&2; exit 1; }

step "Base images, builder, login"
here skopeo copy --quiet --dest-tls-verify=false oci:deploy/quickstart/base:run docker://127.0.0.1:5000/debian:run
grid builder create --config deploy/compose/builder.toml --output 127.0.0.1:5000/builder:1
docker-compose exec -T grid-1 cat /var/lib/grid/operator-key | grid login http://127.0.0.1:7400

step "A build"
grid build deploy/quickstart/app --builder registry:5000/builder:1 --image registry:5000/app:1 >"$work/first.log" || { tail -40 "$work/first.log"; exit 1; }
tail -3 "$work/first.log"
here skopeo inspect --tls-verify=false docker://127.0.0.1:5000/app:1 | jq -r .Digest

step "What Prometheus has of it"
# The metric that is asked for is there when the node that holds the queue was read after the build.
query() { here curl -fs --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query | jq -r '.data.result[0].value[1] // "0"'; }
for _ in $(seq 120); do
  if [ "$(query 'sum(up{job="grid"})')" = 3 ] && [ "$(query 'sum(grid_queue_wait_seconds_count) > 0')" != 0 ] && [ "$(query 'sum(grid_queue_slots)')" != 0 ]; then measured=1; break; fi
  sleep 1
done
[ -n "${measured:-}" ] || { here curl -s http://127.0.0.1:9090/api/v1/targets; echo "Prometheus did not read the three nodes" >&2; exit 1; }
[ "$(here curl -fs http://127.0.0.1:9090/api/v1/rules | jq '.data.groups[].rules | length')" -gt 5 ]

step "A build whose node is killed"
# The first node answers the command's requests; it shall stay.
grid node drain grid-1
grid build deploy/quickstart/app --builder registry:5000/builder:1 --image registry:5000/app:2 --refresh-extensions >"$work/second.log" 2>&1 &
build=$!
busy=
while kill -0 "$build" 2>/dev/null; do
  busy=$(grid node list | awk '$2 > 0 { print $1; exit }')
  if [ -n "$busy" ] && grep -q '^extend .*runs because' "$work/second.log"; then break; fi
  sleep 0.2
done
[ -n "$busy" ] || { cat "$work/second.log"; echo "the build was on no node" >&2; exit 1; }
docker-compose kill -s KILL "$busy"
echo "killed $busy"
wait "$build" || { tail -40 "$work/second.log"; exit 1; }
tail -3 "$work/second.log"
[ "$(here skopeo inspect --tls-verify=false docker://127.0.0.1:5000/app:2 | jq -r .Digest)" = "$(sed -n 's/^Digest //p' "$work/second.log")" ]
step "The grid of docker-compose.yml works"
