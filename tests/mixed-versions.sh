#!/usr/bin/env bash
# A rolling upgrade with two builds of Grid in one cluster: an earlier commit, built from this repository, and the working copy. Needs what the end-to-end
# tests need (root, runc, docker-registry, redis-server, node); takes some minutes, most of them for building.
#
#   tests/mixed-versions.sh [COMMIT]      default: the newest tag, or without one the newest merge into the main line but one
#   GRID_EARLIER_BUILD=FILE               an executable that is there already, instead of building COMMIT
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
tests/servers/install.sh >/dev/null

if [ -z "${GRID_EARLIER_BUILD:-}" ]; then
  commit=${1:-$(git describe --tags --abbrev=0 2>/dev/null || git rev-list --merges --first-parent --skip=1 -n 1 HEAD)}
  earlier=$root/artifacts/earlier/$(git rev-parse --short "$commit^{commit}")
  if [ ! -e "$earlier/artifacts/bin/Grid.Cli/debug/grid" ]; then
    [ -e "$earlier" ] || git worktree add --detach "$earlier" "$commit"
    # Analyzers judged that commit in its time.
    dotnet build "$earlier/src/Grid.Cli" -p:RunAnalyzers=false -v quiet </dev/null
  fi
  echo "the earlier build is $(git log -1 --format='%h, %s' "$commit")"
  export GRID_EARLIER_BUILD=$earlier/artifacts/bin/Grid.Cli/debug/grid
fi

dotnet build tests/Grid.EndToEnd.Tests -v quiet </dev/null
dotnet artifacts/bin/Grid.EndToEnd.Tests/debug/Grid.EndToEnd.Tests.dll -noColor -showLiveOutput -class '*MixedVersionsTests'
