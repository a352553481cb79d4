#!/usr/bin/env bash
# From nothing to a running app: installs grid, makes base images and a builder, builds the sample app with an image extension, starts the
# image and asks it for a page. Needs no registry and no Docker. Run it again to see what is reused.
#
#   deploy/quickstart.sh [--prefix DIR]     where grid is installed (default: ~/.local)
#
# Results are kept in GRID_QUICKSTART_DIR (default: ~/.cache/grid/quickstart) as OCI layouts.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=$HOME/.local
case ${1:-} in
  '') ;;
  --prefix) prefix=${2:?"--prefix wants a directory"} ;;
  --prefix=*) prefix=${1#*=} ;;
  -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) echo "quickstart.sh: unknown argument '$1'; see --help" >&2; exit 1 ;;
esac
work=${GRID_QUICKSTART_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/grid/quickstart}

step() { printf '\n==> %s\n' "$*"; }
fail() { echo "quickstart.sh: $*" >&2; exit 1; }

# shellcheck source=system-packages.sh
. "$here/system-packages.sh"

step "Installing grid"
"$here/install.sh" --prefix "$prefix"
need_packages 'mmdebstrap=mmdebstrap' 'umoci=umoci' 'jq=jq' 'runc|crun=runc' 'slirp4netns=slirp4netns' || fail "the packages above are needed"
grid=$prefix/bin/grid

step "Base images"
"$here/quickstart/base-images.sh" "$here/quickstart/base"

step "Builder"
mkdir -p "$work"
"$grid" builder create --config "$here/quickstart/builder.toml" --output "oci:$work/builder"

step "Building the app"
# Behind a proxy that re-encrypts, npm inside the sandbox has to trust what this machine trusts.
ca=()
for bundle in "${NODE_EXTRA_CA_CERTS:-}" "${SSL_CERT_FILE:-}"; do
  if [ -n "$bundle" ] && [ -f "$bundle" ]; then ca=(--sandbox-ca-bundle "$bundle"); break; fi
done
"$grid" build "$here/quickstart/app" --builder "oci:$work/builder" --image grid-quickstart/app --output "oci:$work/app" "${ca[@]}"
digest=$(jq -r '.manifests[-1].digest' "$work/app/index.json")
tag=$(jq -r '.manifests[-1].annotations["org.opencontainers.image.ref.name"] // "latest"' "$work/app/index.json")

step "Running the image $digest"
bundle=$(mktemp -d "${TMPDIR:-/tmp}/grid-quickstart.XXXXXX")
container=grid-quickstart-$$
container_pid=
state=$bundle/state

cleanup() {
  if [ -n "$container_pid" ]; then
    kill -TERM "$container_pid" 2>/dev/null || true
    wait "$container_pid" 2>/dev/null || true
  fi
  [ -z "${runtime:-}" ] || "$runtime" --root "$state" delete --force "$container" 2>/dev/null || true
  rm -rf "$bundle"
}
trap cleanup EXIT

rootless=()
[ "$(id -u)" -eq 0 ] || rootless=(--rootless)
umoci unpack "${rootless[@]}" --image "$work/app:$tag" "$bundle/image" >"$bundle/umoci.log" 2>&1 || { cat "$bundle/umoci.log" >&2; fail "umoci cannot unpack the image"; }

# A port of the loopback address that nobody listens on.
free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 20000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
  fail "no free port found"
}
port=$(free_port)

# The host's network, no terminal; sysfs and cgroups are not needed, and a container without a network of its own may not mount the former.
jq --arg port "$port" '
  .process.terminal = false
  | .process.env += ["PORT=" + $port, "HOST=127.0.0.1"]
  | .linux.namespaces |= map(select(.type != "network"))
  | .mounts |= map(select(.type != "sysfs" and .type != "cgroup" and .destination != "/sys"))' \
  "$bundle/image/config.json" >"$bundle/config.json"
mv "$bundle/config.json" "$bundle/image/config.json"

runtime=$(PATH=$PATH:/usr/sbin command -v runc || PATH=$PATH:/usr/sbin command -v crun)
"$runtime" --root "$state" run --bundle "$bundle/image" "$container" </dev/null &
container_pid=$!

# get PATH: the answer of the app, or failure while nobody listens yet.
get() {
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3
  cat <&3
  exec 3>&-
}
answer=
for _ in $(seq 100); do
  kill -0 "$container_pid" 2>/dev/null || { container_pid=; fail "the app has ended (its output is above)"; }
  if answer=$(get '/?name=quickstart' 2>/dev/null) && [ -n "$answer" ]; then break; fi
  sleep 0.1
done
[ -n "$answer" ] || fail "the app does not answer on 127.0.0.1:$port"
printf '%s\n' "$answer"
grep -q 'Hello, quickstart!' <<<"$answer" || fail "that is not the answer of the sample app"

step "It works. The image: oci:$work/app:$tag@$digest"
