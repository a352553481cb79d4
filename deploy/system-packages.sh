# Sourced: installs Debian packages that are missing, and nothing when none is.

# have TOOL|PKG…: whether a program is on PATH (also /usr/sbin), or a file exists when it starts with "/".
have() {
  case $1 in
    /*) [ -e "$1" ] ;;
    *) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1 ;;
  esac
}

# need_packages WHAT=PACKAGE…: installs each package whose program or file is not there. "a|b=PACKAGE" is content with either.
need_packages() {
  local item missing=() alternative found as_root=()
  for item in "$@"; do
    found=
    while read -r -d '|' alternative; do
      if have "$alternative"; then found=1; fi
    done <<<"${item%%=*}|"
    [ -n "$found" ] || missing+=("${item#*=}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! have apt-get; then
    echo "these are missing and there is no apt-get to install them with: ${missing[*]}" >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || { echo "these packages are missing: ${missing[*]}; install them as root" >&2; return 1; }
    as_root=(sudo)
  fi
  echo "installing packages: ${missing[*]}" >&2
  apt_install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
      install --no-install-recommends "${missing[@]}" </dev/null >&2
  }
  # Lists may be missing or too old to name files that still exist.
  apt_install || {
    "${as_root[@]}" apt-get -q -o DPkg::Lock::Timeout=300 update </dev/null >&2
    apt_install
  }
}
