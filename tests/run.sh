#!/usr/bin/env bash
# Builds everything and runs the fast tests. The last line is "N passed, N failed, N skipped"; exit code 0 only when tests ran and none failed.
#
#   tests/run.sh [PROJECT…]      only these test projects (Grid.Oci.Tests …); default: all but the slow ones
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# They start clusters, engines or browsers: run them by name.
slow=(Grid.Benchmarks)

# shellcheck source=../deploy/system-packages.sh
. deploy/system-packages.sh
# Independent tools the tests compare with, and what the launcher is linked with. Tests whose tool is missing would skip.
if ! need_packages 'runc=runc' 'crun=crun' 'docker-registry=docker-registry' 'skopeo=skopeo' 'umoci=umoci' 'mmdebstrap=mmdebstrap' 'git=git' 'dockerd=docker.io' 'ip=iproute2' 'slirp4netns=slirp4netns' 'newuidmap=uidmap' 'setfattr=attr' 'setcap=libcap2-bin' 'gcc=gcc' \
  "/usr/lib/$(uname -m)-linux-gnu/libc.a=libc6-dev" 'redis-server=redis-server' '/usr/lib/postgresql=postgresql' 'psql=postgresql-client' 'node=nodejs' 'npm=npm' 'promtool=prometheus' 'sshd=openssh-server'; then
  echo "some packages could not be installed: tests that need them will skip" >&2
fi
# The servers a grid keeps its state in; tests start them on loopback.
tests/servers/install.sh >/dev/null || echo "Azurite could not be installed: tests that need it will skip" >&2

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
results=$root/artifacts/test-results
rm -rf "$results"
mkdir -p "$results"

projects=()
if [ $# -gt 0 ]; then
  for name in "$@"; do projects+=("tests/$name/$name.csproj"); done
else
  for project in tests/*/*.csproj; do
    name=$(basename "$project" .csproj)
    [[ " ${slow[*]} " == *" $name "* ]] || projects+=("$project")
  done
fi

# One build for all of them: MSBuild then builds what they share once.
list=$results/fast.proj
{
  echo '<Project><ItemGroup>'
  printf "<Test Include=\"$root/%s\" />\n" "${projects[@]}"
  echo '</ItemGroup><Target Name="Restore"><MSBuild Projects="@(Test)" Targets="Restore" /></Target>'
  echo '<Target Name="Build"><MSBuild Projects="@(Test)" Targets="Build" BuildInParallel="true" /></Target></Project>'
} >"$list"
# To a file: a compile server that starts here keeps what it inherits open, and whoever reads our output would wait for it.
for target in Restore Build; do
  dotnet msbuild "$list" "-t:$target" -nologo -m -verbosity:quiet -nodeReuse:false </dev/null >"$results/build.log" 2>&1 || {
    cat "$results/build.log"
    echo "the tests do not build (see above)" >&2
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
  }
done

export GRID_TEST_ADAPTERS=$results/adapters
failed=0
for project in "${projects[@]}"; do
  name=$(basename "$project" .csproj)
  echo "--- $name"
  # As `grid build` does it: in a private mount namespace crun works on hosts with hybrid control groups, and its half of the suite is not skipped.
  private=()
  case $name in
    Grid.Sandbox.Tests | Grid.Docker.Tests | Grid.Lifecycle.Tests | Grid.EndToEnd.Tests) private=(tests/with-docker-engine.sh) ;;
  esac
  if [ "$name" = Grid.Sandbox.Tests ] && [ "$(id -u)" -eq 0 ]; then private+=(env GRID_MOUNT_NAMESPACE=outer unshare --mount --propagation slave); fi
  # A project without tests exits with 8; that is seen in the sum, not here.
  code=0
  "${private[@]}" dotnet test --project "$project" --no-build --report-trx --report-trx-filename "$name.trx" --results-directory "$results" </dev/null || code=$?
  case $code in
    0) ;;
    8) echo "$name has no tests" ;;
    *) failed=1 ;;
  esac
  # A run that crashes writes no counters; it must not pass unseen.
  if [ "$code" -ne 8 ] && [ ! -e "$results/$name.trx" ]; then
    echo "$name ended without a result (exit code $code)" >&2
    failed=1
  fi
done
dotnet build-server shutdown >/dev/null 2>&1 || true

summary=$({ find "$results" -name '*.trx' -exec grep -ho '<Counters [^>]*>' {} + || true; } |
  sed -E 's/.*total="([0-9]+)".* passed="([0-9]+)" failed="([0-9]+)".*/\1 \2 \3/' |
  awk '{ total += $1; passed += $2; failed += $3 } END { printf "%d %d %d\n", passed, failed, total - passed - failed }')
read -r passed failures skipped <<<"$summary"
if [ -e "$GRID_TEST_ADAPTERS" ]; then
  echo "The sandbox suite:"
  sort -u "$GRID_TEST_ADAPTERS" | sed 's/^/  /'
fi
# What ended a run without a failed test (a crash, a timeout) counts as a failure too.
if [ "$failed" -ne 0 ] && [ "$failures" -eq 0 ]; then failures=1; fi
echo "$passed passed, $failures failed, $skipped skipped"
[ "$failures" -eq 0 ] && [ "$passed" -gt 0 ]
