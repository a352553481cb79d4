#!/usr/bin/env bash
# Builds Grid from this checkout and installs it for the user: DIR/bin/grid, with everything else in DIR/lib/grid.
# Debian packages that are missing are installed (with sudo when not root). A second run with unchanged sources does nothing.
#
#   deploy/install.sh [--prefix DIR]        default: ~/.local
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$HOME/.local

say() { printf '%s\n' "$*" >&2; }
fail() { say "install.sh: $*"; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    --prefix) prefix=${2:?"--prefix wants a directory"}; shift 2 ;;
    --prefix=*) prefix=${1#*=}; shift ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) fail "unknown argument '$1'; see --help" ;;
  esac
done
mkdir -p "$prefix/bin" "$prefix/lib"
prefix=$(cd "$prefix" && pwd)
target=$prefix/lib/grid

# shellcheck source=system-packages.sh
. "$root/deploy/system-packages.sh"
# gcc and libc's static archive link the launcher; runc (or crun) runs the sandboxes, slirp4netns gives them a network of their own; git and ssh fetch source.
need_packages 'runc|crun=runc' 'slirp4netns=slirp4netns' 'git=git' 'ssh=openssh-client' 'gcc=gcc' "/usr/lib/$(uname -m)-linux-gnu/libc.a=libc6-dev" ||
  fail "the packages above are needed"

dotnet=$(command -v dotnet || true)
[ -n "$dotnet" ] || [ ! -x "$HOME/.dotnet/dotnet" ] || dotnet=$HOME/.dotnet/dotnet
[ -n "$dotnet" ] || fail "the .NET SDK is not installed; Grid needs version 10 (package dotnet-sdk-10.0 of your distribution, or Microsoft's dotnet-install.sh)"
dotnet_root=$(dirname "$(readlink -f "$dotnet")")
compgen -G "$dotnet_root/sdk/10.*" >/dev/null || fail "the .NET SDK in $dotnet_root is not version 10"

# What the programs are made from: sources, build settings and the SDK.
sources() {
  cd "$root"
  { find src eng -type f -not -path '*/bin/*' -not -path '*/obj/*' -print0; printf '%s\0' Directory.Build.props Directory.Packages.props global.json; } |
    sort -z | xargs -0 sha256sum
  ls "$dotnet_root/sdk"
  sha256sum <"$root/deploy/install.sh"
}
state=$(sources | sha256sum | cut -c1-64)
if [ "$(cat "$target/.sources" 2>/dev/null)" = "$state" ] && [ -x "$prefix/bin/grid" ]; then
  say "grid is up to date: $prefix/bin/grid"
  exit 0
fi

stage=$target.new
rm -rf "$stage"
mkdir -p "$stage"
logs=$(mktemp -d)
launcher=
trap '[ -z "$launcher" ] || kill "$launcher" 2>/dev/null || true; rm -rf "$stage" "$logs"' EXIT
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

say "building grid (the first time about a minute) …"
publish() { "$dotnet" publish "$root/src/$1" -c Release --use-current-runtime -o "$2" "${@:3}" -nologo -nodeReuse:false </dev/null; }
publish Grid.Launcher "$stage/launcher-files" >"$logs/launcher" 2>&1 &
launcher=$!
# Compiled ahead of time, commands start in a third of the time; the runtime itself is the SDK's.
publish Grid.Cli "$stage" --no-self-contained -p:PublishReadyToRun=true -p:DebugType=none >"$logs/cli" 2>&1 ||
  { cat "$logs/cli" >&2; fail "grid does not build (see above)"; }
pid=$launcher launcher=
wait "$pid" || { cat "$logs/launcher" >&2; fail "the launcher does not build (see above)"; }
mv "$stage/launcher-files/launcher" "$stage/launcher"
rm -rf "$stage/launcher-files"
printf '%s\n' "$state" >"$stage/.sources"

rm -rf "$target.old"
[ ! -e "$target" ] || mv "$target" "$target.old"
mv "$stage" "$target"
rm -rf "$target.old"
cat >"$prefix/bin/grid.new" <<WRAPPER
#!/bin/sh
export DOTNET_ROOT="\${DOTNET_ROOT:-$dotnet_root}"
# Called by a link with a phase's name, as in /cnb/lifecycle: the name would be lost behind exec.
case "\${0##*/}" in
  analyzer | detector | restorer | extender | builder | exporter | creator | rebaser | launcher) set -- lifecycle "\${0##*/}" "\$@" ;;
esac
exec "$target/grid" "\$@"
WRAPPER
chmod 755 "$prefix/bin/grid.new"
mv "$prefix/bin/grid.new" "$prefix/bin/grid"
say "installed: $prefix/bin/grid"
case :$PATH: in
  *:"$prefix/bin":*) ;;
  *) say "(it is not on PATH yet: export PATH=\"$prefix/bin:\$PATH\")" ;;
esac
