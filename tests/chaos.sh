#!/usr/bin/env bash
# Builds while everything around them fails: three nodes with Redis, Azurite and a registry, each node in a network namespace of its own, real sandboxes.
# Needs root. The short form, without chance, is part of an ordinary run.
#
#   tests/chaos.sh [--seed N] [--rounds N] [--seconds N] [--faults Kill,Cut,…]   random faults from a seed, one seed after the other; what is wrong afterwards is printed
#   tests/chaos.sh resume [--rounds N]                                           how long each phase takes to go on elsewhere after kill -9 of its node
#
# Logs of the nodes and what the registry was asked are in artifacts/chaos/. The same seed gives the same faults at the same times; what they hit depends on
# how fast the machine is.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

mode=faults seed=$((RANDOM)) rounds=1 seconds=60 faults=
if [ "${1:-}" = resume ]; then mode=resume rounds=3; shift; fi
while [ $# -gt 0 ]; do
  case $1 in
    --seed) seed=$2 ;;
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --faults) faults=$2 ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done

dotnet build tests/Grid.EndToEnd.Tests -v q -nologo
tests=artifacts/bin/Grid.EndToEnd.Tests/debug/Grid.EndToEnd.Tests.dll
export GRID_CHAOS_LOGS=$root/artifacts/chaos
mkdir -p "$GRID_CHAOS_LOGS"
if [ "$mode" = resume ]; then
  GRID_CHAOS_RESUME=$rounds exec dotnet "$tests" -class '*ResumeTests' -showLiveOutput -noColor
fi
failed=()
for ((round = 0; round < rounds; round++, seed++)); do
  echo "seed $seed"
  GRID_CHAOS_SEED=$seed GRID_CHAOS_SECONDS=$seconds GRID_CHAOS_FAULTS=$faults dotnet "$tests" -method '*UnderRandomFaults*' -showLiveOutput -noColor || failed+=("$seed")
done
if [ "${#failed[@]}" -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
echo "all $rounds rounds are green"
