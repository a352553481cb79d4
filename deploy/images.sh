#!/usr/bin/env bash
# Makes the images of docker-compose.yml on a Docker engine: grid/node:local (a node) and grid/services:local (Redis, Azurite, a registry, Prometheus).
# Needs no registry: the base image is made from Debian's packages as in the quickstart, everything else is installed on top of it.
#
#   deploy/images.sh [--base IMAGE]        another base image that the engine has or can pull, such as debian:bookworm-slim
#
# The engine is the one that the docker command speaks to (DOCKER_HOST). docker-compose reads .env, which is made here when it is missing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
base=
say() { printf '%s\n' "$*" >&2; }
fail() { say "images.sh: $*"; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    --base) base=${2:?"--base wants an image"}; shift 2 ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) fail "unknown argument '$1'; see --help" ;;
  esac
done

# shellcheck source=system-packages.sh
. "$root/deploy/system-packages.sh"
need_packages 'docker=docker.io' 'mmdebstrap=mmdebstrap' 'skopeo=skopeo' 'node=nodejs' 'npm=npm' || fail "the packages above are needed"
docker version >/dev/null 2>&1 || fail "no Docker engine answers (DOCKER_HOST=${DOCKER_HOST:-unset}); start one, or let tests/with-docker-engine.sh do it"

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

prefix=$root/artifacts/images
"$root/deploy/install.sh" --prefix "$prefix" 2>&1 | grep -v 'not on PATH' >&2
dotnet_root=$(sed -n 's/^export DOTNET_ROOT="${DOTNET_ROOT:-\(.*\)}"$/\1/p' "$prefix/bin/grid")
[ -d "$dotnet_root/shared" ] || fail "there is no .NET runtime in '$dotnet_root'"

if [ -z "$base" ]; then
  base=grid/debian:local
  "$root/deploy/quickstart/base-images.sh" "$root/deploy/quickstart/base"
  skopeo copy --quiet "oci:$root/deploy/quickstart/base:run" "docker-archive:$context/base.tar:$base"
  docker load --quiet --input "$context/base.tar" >&2
  rm "$context/base.tar"
fi

say "building grid/node:local …"
mkdir -p "$context/node/dotnet"
# Only what runs programs, not what builds them.
cp -r "$dotnet_root/dotnet" "$dotnet_root/host" "$dotnet_root/shared" "$context/node/dotnet/"
cp -r "$prefix/lib/grid" "$context/node/grid"
cp "$root/deploy/images/grid-node" "$context/node/"
build() { DOCKER_BUILDKIT=0 docker build --quiet --build-arg "BASE=$base" --file "$root/deploy/images/$1.Dockerfile" --tag "grid/$1:local" "$context/$1" 2>&1; }
build node >"$context/log" || { cat "$context/log" >&2; fail "grid/node:local cannot be built (see above)"; }

say "building grid/services:local …"
mkdir -p "$context/services"
cp -r "$("$root/tests/servers/install.sh")" "$context/services/azurite"
cp "$root/deploy/images/registry.yml" "$context/services/"
build services >"$context/log" || { cat "$context/log" >&2; fail "grid/services:local cannot be built (see above)"; }
if [ ! -e "$root/.env" ]; then
  # What tenants' secrets are sealed with: the nodes of a grid share it.
  (umask 077 && echo "GRID_SECRETS_KEYS=k1:$(head -c 32 /dev/urandom | base64)" >"$root/.env")
  say "made a key for secrets: $root/.env"
fi
docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' --filter 'reference=grid/*' >&2
