#!/usr/bin/env bash
# Looks at the pages of a running grid with Chromium: signs in, watches a build live, cancels one, compares two; on a desktop, a phone, and in the dark.
# Screenshots are in artifacts/browser. Needs root; installs Debian's chromium. About two minutes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. deploy/system-packages.sh
# playwright-core wants Node.js 20 or newer.
need_packages 'chromium=chromium' 'node=nodejs' 'npm=npm' 'docker-registry=docker-registry' 'skopeo=skopeo' 'runc|crun=runc' 'mmdebstrap=mmdebstrap'

deploy/install.sh --prefix artifacts/browser-prefix 2>&1 | grep -v 'not on PATH'
export PATH=$root/artifacts/browser-prefix/bin:$PATH
deploy/quickstart/base-images.sh deploy/quickstart/base

work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap cleanup EXIT
cp -r tests/browser "$work/browser"
(cd "$work/browser" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null)

free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 20000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
  return 1
}
registry=127.0.0.1:$(free_port)
cat >"$work/registry.yml" <<END
version: 0.1
storage: { filesystem: { rootdirectory: $work/registry } }
http: { addr: "$registry" }
END
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
pids+=($!)
until curl -fs "http://$registry/v2/" >/dev/null; do sleep 0.1; done

port=$(free_port)
grid serve --data-dir "$work/grid" --listen-http-port "$port" --listen-silo-port 0 --listen-gateway-port 0 --private-host 127.0.0.1 --api-orleans-dashboard on >"$work/grid.log" 2>&1 &
pids+=($!)
until curl -fs "http://127.0.0.1:$port/health/ready" >/dev/null; do
  kill -0 "${pids[1]}" 2>/dev/null || { cat "$work/grid.log" >&2; exit 1; }
  sleep 0.1
done

skopeo copy --quiet --dest-tls-verify=false oci:deploy/quickstart/base:run "docker://$registry/base:run"
ln -s "$root/deploy/quickstart/base" "$work/browser/builder/base"
sed -i "s|RUN_IMAGE|$registry/base:run|" "$work/browser/builder/builder.toml"
grid builder create --config "$work/browser/builder/builder.toml" --output "$registry/builder:1"

mkdir -p artifacts/browser
cd "$work/browser"
GRID_ADDRESS=http://127.0.0.1:$port GRID_KEY=$(cat "$work/grid/operator-key") GRID_REGISTRY=$registry XDG_CONFIG_HOME=$work/config \
  GRID_SCREENSHOTS=$root/artifacts/browser node --test --test-reporter=spec pages.test.mjs
