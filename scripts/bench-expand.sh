#!/usr/bin/env bash
# Expansion over all of Debian, ours beside libsolv's perl-BSSolv on the same machine in the same run.
# Usage: scripts/bench-expand.sh FOLDER
#   FOLDER holds Packages.slim.xz, Sources.slim.xz, Sources-all.slim.xz and debian12.conf
# Needs obs-build and libbssolv-perl for the second half; without them only ours is measured.
set -euo pipefail
folder=$(realpath "${1:?usage: $0 FOLDER}")
cd "$(dirname "$0")/.."

echo "== kiln"
cargo bench --quiet -p expand --bench debian -- "$folder"

echo "== perl-BSSolv"
library=${OBS_BUILD_DIR:-/usr/lib/obs-build}
perl -I"$library" -e 'use Build; use BSSolv' 2>/dev/null || { echo "skipped: obs-build or libbssolv-perl is not installed"; exit 0; }
perl -I"$library" scripts/bench-expand.pl "$folder"
