#!/usr/bin/env bash
# The README's demo: builds Kiln, starts `kiln serve` on embedded defaults, builds GNU hello from Debian's own .dsc, and ends
# by installing the result with apt in a fresh root and running it.
#
# Settings (environment): KILN_DEMO_DIR (data, default target/demo), KILN_DEMO_PORT (default 8080),
# KILN_DEMO_SOURCE (address of a .dsc), KILN_DEMO_PACKAGE (what is installed), KILN_DEMO_COMMAND (what is run then, default the
# package's name), KILN_DEMO_PROFILE (cargo profile, default dev: quick to build), KILN_DEMO_PROGRAM (a kiln that is built).
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${KILN_DEMO_PROFILE:-dev}
folder=$(realpath -m "${KILN_DEMO_DIR:-target/demo}")
port=${KILN_DEMO_PORT:-8080}
package=${KILN_DEMO_PACKAGE:-hello}
command=${KILN_DEMO_COMMAND:-$package}
server=http://127.0.0.1:$port
began=$(date +%s)

step() { printf '\n\033[1m== %s\033[0m  (%s s)\n' "$*" "$(($(date +%s) - began))"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || fail "the demo mounts and installs a root: run it as root"
mirror=$(scripts/apt-mirror.sh) || fail "no Debian mirror in this machine's apt sources"
source=${KILN_DEMO_SOURCE:-$mirror/pool/main/h/hello/hello_2.10-3.dsc}

if [ -n "${KILN_DEMO_PROGRAM:-}" ]; then
    kiln=$KILN_DEMO_PROGRAM
else
    step "Building Kiln"
    cargo build --profile "$profile" --bin kiln
    case "$profile" in dev) built=debug ;; *) built=$profile ;; esac
    kiln=$(realpath "target/$built/kiln")
fi

step "Starting kiln serve on $server"
mkdir -p "$folder"
export KILN_CONFIG=$folder/client.ini
"$kiln" serve --data "$folder/data" --listen "127.0.0.1:$port" --write-client-config="$KILN_CONFIG" \
    >"$folder/serve.out" 2>"$folder/serve.log" &
serve=$!
stop() { kill -TERM "$serve" 2>/dev/null && wait "$serve" || true; }
trap stop EXIT
for _ in $(seq 150); do
    curl --silent --fail --output /dev/null "$server/api_2/" && break
    kill -0 "$serve" 2>/dev/null || { tail -20 "$folder/serve.log" >&2; fail "kiln serve ended"; }
    sleep 0.2
done

step "Adding the distribution Debian 12"
"$kiln" dist add debian-12

step "Building $(basename "$source") in project demo"
"$kiln" project show home:admin:demo >/dev/null 2>&1 || "$kiln" project create home:admin:demo --target debian-12-x86_64
"$kiln" submit home:admin:demo "$source" --wait

step "A fresh Debian root that prefers our repository"
root=$folder/root
rm -rf "$root"
mmdebstrap --quiet --variant=apt --mode=root bookworm "$root" "$mirror" >"$folder/root.log" 2>&1 ||
    { tail -20 "$folder/root.log" >&2; fail "mmdebstrap failed"; }
repository=$server/repositories/home:admin:demo/debian-12
published() { curl --silent --fail "$repository/dists/debian-12/main/binary-amd64/Packages" | grep -x "Package: $package" >/dev/null; }
for _ in $(seq 100); do published && break; sleep 0.2; done
published || fail "$package is not in $repository"
mkdir -p "$root/etc/apt/keyrings"
curl --silent --fail "$repository/key.asc" --output "$root/etc/apt/keyrings/kiln-demo.asc"
# First in the list: of two equal packages apt takes the one whose source it read first.
sources=$root/etc/apt/sources.list
echo "deb [signed-by=/etc/apt/keyrings/kiln-demo.asc] $repository/ debian-12 main" | cat - "$sources" >"$sources.new"
mv "$sources.new" "$sources"
# Ours before Debian's, whatever the versions: the dependencies of the package may come from Debian.
printf 'Package: *\nPin: release o=home:admin:demo\nPin-Priority: 1001\n' >"$root/etc/apt/preferences.d/kiln-demo"
chroot "$root" apt-get -q update
chroot "$root" apt-get -q -y --print-uris install --no-install-recommends "$package" | grep -F "'$repository/pool/" >/dev/null ||
    fail "apt would not take $package from $repository"
DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -q install -y --no-install-recommends "$package"
chroot "$root" apt-cache policy "$package" | sed -n 1,8p

step "Running it"
chroot "$root" $command
rm -rf "$root"

step "Done"
cat <<END
$package was built by Kiln, published in a signed repository, installed by apt and run.

Where to look next:
  data and blobs         $folder/data
  logs                   $folder/serve.log (the server), $folder/data/logs (the builds)
  the server again       $kiln serve --data $folder/data --listen 127.0.0.1:$port
  its pages              $server/
  a build and its log    KILN_CONFIG=$KILN_CONFIG $kiln status 1; KILN_CONFIG=$KILN_CONFIG $kiln log 1
  without a server       $kiln build FILE.dsc --dist debian-12
END
