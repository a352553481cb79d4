#!/usr/bin/env bash
# A rolling upgrade with two builds of Grid in one cluster: three nodes of the earlier are replaced one by one by the later while builds come in. Needs what
# the end-to-end tests need (root, runc, docker-registry, redis-server, node); takes some minutes, most of them for building.
#
#   tests/mixed-versions.sh               from the working copy to one that has a method more, which every build calls
#   tests/mixed-versions.sh COMMIT        from a commit of this repository to the working copy
#   GRID_EARLIER_BUILD=FILE, GRID_LATER_BUILD=FILE    executables that are there already
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
tests/servers/install.sh >/dev/null
dotnet build tests/Grid.EndToEnd.Tests -v quiet </dev/null

# Replaces in a file what must be there.
edit() {
  local file=$1 from=$2 to=$3
  grep -q -- "$from" "$file" || { echo "$file has no '$from' any more: tests/mixed-versions.sh has to follow" >&2; exit 1; }
  sed -i "s|$from|$to|" "$file"
}

if [ $# -gt 0 ]; then
  earlier=$root/artifacts/earlier/$(git rev-parse --short "$1^{commit}")
  [ -e "$earlier" ] || git worktree add --detach "$earlier" "$1"
  # Analyzers judged that commit in its time.
  dotnet build "$earlier/src/Grid.Cli" -p:RunAnalyzers=false -v quiet </dev/null
  echo "the earlier build is $(git log -1 --format='%h, %s' "$1")"
  export GRID_EARLIER_BUILD=$earlier/artifacts/bin/Grid.Cli/debug/grid
fi
if [ -z "${GRID_EARLIER_BUILD:-}" ]; then
  export GRID_EARLIER_BUILD=$root/artifacts/bin/Grid.Cli/debug/grid
  later=$root/artifacts/later
  rm -rf "$later/src"
  mkdir -p "$later"
  git ls-files -z src eng global.json '*.props' .editorconfig | tar --null --files-from=- --create | tar --extract --directory="$later"
  generation=$(sed -n 's/.*Version(\([0-9]*\)).*/\1/p' src/Grid.Contracts/Placement/IContractGeneration.cs)
  edit "$later/src/Grid.Contracts/Placement/IContractGeneration.cs" "Version($generation)" "Version($((generation + 1)))"
  edit "$later/src/Grid.Contracts/Builds/IBuildGrain.cs" '^    \[Alias("RequestPublish")\]' '    [Alias("RequestPublishLater")] Task<PublishAnswer?> RequestPublishLaterAsync(string handle);\n&'
  edit "$later/src/Grid.Grains/Builds/BuildGrain.cs" '^    public async Task<PublishAnswer?> RequestPublishAsync' '    public Task<PublishAnswer?> RequestPublishLaterAsync(string handle) => RequestPublishAsync(handle);\n&'
  edit "$later/src/Grid.Worker/PublishPermit.cs" 'build.RequestPublishAsync(' 'build.RequestPublishLaterAsync('
  dotnet build "$later/src/Grid.Cli" -p:RunAnalyzers=false -v quiet </dev/null
  export GRID_LATER_BUILD=$later/artifacts/bin/Grid.Cli/debug/grid
fi

dotnet artifacts/bin/Grid.EndToEnd.Tests/debug/Grid.EndToEnd.Tests.dll -noColor -showLiveOutput -class '*MixedVersionsTests'
