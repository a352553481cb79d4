#!/usr/bin/env bash
# Installs Azurite, the emulator of Azure Storage that tests use, and prints the directory it is in. Each version is installed once for a user:
# below $XDG_CACHE_HOME/grid/test-servers, in a directory named after the lock file.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${XDG_CACHE_HOME:-$HOME/.cache}/grid/test-servers/$(sha256sum "$here/package-lock.json" | cut -c1-16)
if [ ! -e "$target/complete" ]; then
  command -v npm >/dev/null || { echo "npm is not installed" >&2; exit 1; }
  mkdir -p "$target"
  # One at a time; who waited finds it done.
  exec 9>"$target/lock"
  flock 9
  if [ ! -e "$target/complete" ]; then
    cp "$here/package.json" "$here/package-lock.json" "$target/"
    (cd "$target" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2)
    touch "$target/complete"
  fi
fi
echo "$target"
