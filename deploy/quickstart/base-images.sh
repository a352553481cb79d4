#!/usr/bin/env bash
# Makes a build and a run base image of this machine's Debian release from Debian's packages, as an OCI layout with the tags "build" and
# "run". Both have the same single layer; only their configuration differs. Nothing is done when the layout is already up to date.
#
#   base-images.sh OUTDIR
#
# Packages come from the sources apt is configured with (the release, its updates and its security updates; a proxy in the environment or
# in apt's configuration is used). Another release or mirror: GRID_BASE_SOURCES=FILE with lines "deb URI SUITE main".
set -euo pipefail

user=1001
packages=ca-certificates

say() { printf '%s\n' "$*" >&2; }
fail() { say "base-images.sh: $*"; exit 1; }

[ $# -eq 1 ] || fail "want one argument: the directory of the OCI layout to make"
out=$1

for tool in mmdebstrap gzip sha256sum; do
  command -v "$tool" >/dev/null || fail "$tool is not installed (deploy/install.sh installs what is missing)"
done
# shellcheck source=/dev/null
. /etc/os-release
suite=${VERSION_CODENAME:-}

targets=$(apt-get indextargets --format "\$(REPO_URI) \$(RELEASE) \$(COMPONENT)" "Identifier: Packages")

# "deb URI SUITE main" for each configured Debian archive of this release, whoever mirrors it.
configured_sources() {
  awk -v suite="$suite" '
      $3 == "main" && $1 ~ /\/debian(-security)?\/?$/ && ($2 == suite || $2 == suite "-updates" || $2 == suite "-security") {
        line = "deb " $1 " " $2 " main"
        if (!seen[line]++) print ($2 == suite ? 0 : 1), line
      }' <<<"$targets" | sort -s -k1,1 | cut -d' ' -f2-
}

if [ -n "${GRID_BASE_SOURCES:-}" ]; then
  sources=$(grep '^deb ' "$GRID_BASE_SOURCES") || fail "$GRID_BASE_SOURCES has no line that starts with 'deb '"
  suite=$(awk 'NR == 1 { print $3 }' <<<"$sources")
else
  [ -n "$suite" ] || fail "/etc/os-release has no VERSION_CODENAME: name a Debian archive with GRID_BASE_SOURCES=FILE"
  sources=$(configured_sources)
  [ -n "$sources" ] || fail "apt has no source for Debian $suite: name one with GRID_BASE_SOURCES=FILE (lines 'deb URI SUITE main')"
fi

# The state of the archives as apt last saw it: a new one makes new images, "apt-get update" decides when that is.
archive_state() {
  find /var/lib/apt/lists -maxdepth 1 -name "*_dists_$suite*_InRelease" -exec sha256sum {} + 2>/dev/null | sort
}
key=$({ printf '%s\n' "$sources" "$packages"; archive_state; sha256sum <"${BASH_SOURCE[0]}"; } | sha256sum | cut -c1-64)
if [ "$(cat "$out/.key" 2>/dev/null)" = "$key" ]; then
  say "base images are up to date: $out"
  exit 0
fi

# A root file system is tens of thousands of small files: they are much faster in memory, when there is enough.
scratch=${TMPDIR:-/tmp}
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && [ "$(df --output=avail -m /dev/shm | tail -1)" -ge 1500 ]; then
  scratch=/dev/shm
fi
work=$(mktemp -d "$scratch/grid-base.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# The archives' newest date becomes the images' date: equal archives give equal images. (Without apt's lists it is the present.)
release_dates() {
  find /var/lib/apt/lists -maxdepth 1 -name "*_dists_$suite*_InRelease" -exec sed -n 's/^Date: //p' {} + 2>/dev/null |
    while read -r date; do date -d "$date" +%s; done
}
SOURCE_DATE_EPOCH=$(release_dates | sort -n | tail -1)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date +%s)}

say "making base images of Debian $suite (about 10 seconds) …"
cat >"$work/90small" <<'CONF'
// Without these every layer that installs a package carries about 80 MB of apt's own caches.
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::GzipIndexes "true";
Acquire::Languages "none";
APT::Install-Recommends "false";
CONF
printf '%s\n' "$sources" | TMPDIR="$work" mmdebstrap --quiet --variant=minbase --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --customize-hook="copy-in $work/90small /etc/apt/apt.conf.d" \
  --customize-hook="chroot \"\$1\" groupadd --gid $user cnb" \
  --customize-hook="chroot \"\$1\" useradd --uid $user --gid $user --create-home --shell /bin/bash cnb" \
  --customize-hook='rm -f "$1/etc/resolv.conf" "$1/etc/hostname" "$1"/etc/passwd- "$1"/etc/group- "$1"/etc/shadow- "$1"/etc/gshadow-' \
  "$suite" "$work/layer.tar" - || fail "mmdebstrap failed (see above)"

layout=$work/layout
mkdir -p "$layout/blobs/sha256"

# put FILE: moves a file into the layout's blobs and prints "sha256:… SIZE".
put() {
  local digest size
  digest=$(sha256sum <"$1" | cut -c1-64)
  size=$(stat -c %s "$1")
  mv "$1" "$layout/blobs/sha256/$digest"
  printf 'sha256:%s %s\n' "$digest" "$size"
}

if command -v igzip >/dev/null; then
  igzip -1 -c "$work/layer.tar" >"$work/layer.gz" &
else
  gzip -n -3 -c "$work/layer.tar" >"$work/layer.gz" &
fi
compressor=$!
diff_id=sha256:$(sha256sum <"$work/layer.tar" | cut -c1-64)
wait "$compressor"
read -r layer layer_size < <(put "$work/layer.gz")

case $(dpkg --print-architecture) in
  amd64) platform='"architecture":"amd64"' ;;
  arm64) platform='"architecture":"arm64","variant":"v8"' ;;
  armhf) platform='"architecture":"arm","variant":"v7"' ;;
  *) platform="\"architecture\":\"$(dpkg --print-architecture)\"" ;;
esac
version=$(tar -xOf "$work/layer.tar" ./usr/lib/os-release | sed -n 's/^VERSION_ID="\?\([^"]*\)"\?$/\1/p')
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)

# image KIND ENV…: writes the configuration and the manifest of one image and prints its entry for index.json.
image() {
  local kind=$1 env='"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"' variable config config_size manifest manifest_size
  shift
  for variable in "$@"; do env="$env,\"$variable\""; done
  printf '{"created":"%s",%s,"os":"linux","config":{"User":"%s:%s","Env":[%s],"Cmd":["/bin/bash"],"Labels":{%s}},"rootfs":{"type":"layers","diff_ids":["%s"]},"history":[{"created":"%s","created_by":"mmdebstrap --variant=minbase %s"}]}' \
    "$created" "$platform" "$user" "$user" "$env" \
    "\"io.buildpacks.base.id\":\"grid.debian.$suite.$kind\",\"io.buildpacks.base.distro.name\":\"debian\",\"io.buildpacks.base.distro.version\":\"$version\",\"io.buildpacks.base.maintainer\":\"Grid\",\"io.buildpacks.base.description\":\"Debian $suite, minimal, $kind image\",\"io.buildpacks.base.released\":\"$created\"" \
    "$diff_id" "$created" "$suite" >"$work/config"
  read -r config config_size < <(put "$work/config")
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"%s","size":%s}]}' \
    "$config" "$config_size" "$layer" "$layer_size" >"$work/manifest"
  read -r manifest manifest_size < <(put "$work/manifest")
  printf '{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%s,"platform":{%s,"os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"%s"}}' \
    "$manifest" "$manifest_size" "$platform" "$kind"
}

build=$(image build "CNB_USER_ID=$user" "CNB_GROUP_ID=$user")
run=$(image run)
printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s,%s]}' "$build" "$run" >"$layout/index.json"
printf '%s\n' "$key" >"$layout/.key"

mkdir -p "$(dirname "$out")"
rm -rf "$out.new"
cp -r "$layout" "$out.new"
rm -rf "$out"
mv "$out.new" "$out"
say "base images: oci:$out:build and oci:$out:run (Debian $version, $((layer_size / 1048576)) MiB)"
