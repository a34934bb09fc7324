#!/usr/bin/env bash
# Installs what Kiln needs on a Debian 12 machine. Usage: scripts/setup.sh run|test
#   run   to build Kiln, run it and install from its repositories
#   test  also the peers the tests compare with
# Asks for nothing that is installed already; needs root (or sudo) only if something is missing.
set -euo pipefail

run_packages=(gcc libc6-dev make ca-certificates curl debian-archive-keyring e2fsprogs uidmap mmdebstrap xz-utils)
test_packages=(git python3 python3-venv dpkg-dev apt-utils gnupg gpgv fakeroot libdpkg-perl obs-build libbssolv-perl
    openssh-client osc rpm createrepo-c dnf dnf-plugins-core zypper libsolv-tools chromium chromium-driver)
# Browser tests take one file from npm; a machine may have it from elsewhere than Debian.
command -v npm >/dev/null || test_packages+=(npm)

case "${1:-}" in
    run) wanted=("${run_packages[@]}") ;;
    test) wanted=("${run_packages[@]}" "${test_packages[@]}") ;;
    *) echo "usage: $0 run|test" >&2; exit 2 ;;
esac

command -v cargo >/dev/null || { echo "error: cargo is not installed; Kiln needs Rust 1.95 or newer" >&2; exit 1; }
command -v apt-get >/dev/null || { echo "note: no apt-get here; please install: ${wanted[*]}" >&2; exit 0; }

missing=()
for package in "${wanted[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "error: run as root once, or install: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# Lists may be missing or old: a failed install is tried again with fresh ones.
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}")
"${install[@]}" >/dev/null 2>&1 || { "${as_root[@]}" apt-get update -qq && "${install[@]}" >/dev/null; }
