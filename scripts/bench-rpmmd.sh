#!/usr/bin/env bash
# rpm-md of 1,000, 10,000 and 24,000 synthetic packages: ours beside createrepo_c on the same machine in the same run.
# Usage: scripts/bench-rpmmd.sh [FOLDER [RUNS [COUNT...]]]
#   FOLDER takes some 1.3 GB (default: a temporary one, removed afterwards); RUNS is 3.
# Prints seconds of the process's CPU (user and system) and, in parentheses, wall seconds: the medians. On a busy machine only the
# CPU seconds mean something. Needs createrepo_c for the second half; without it only ours is measured.
set -euo pipefail
folder=${1:-}
runs=${2:-3}
shift $(($# < 2 ? $# : 2))
counts=("${@:-}")
[ -n "${counts[0]}" ] || counts=(1000 10000 24000)
cd "$(dirname "$0")/.."

if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
program=$(cargo bench -p repo --bench rpmmd --no-run 2>&1 | sed -n 's/.*(\(.*rpmmd-[0-9a-f]*\)).*/\1/p')
if [ -z "$program" ]; then
    echo "the bench can not be built" >&2
    exit 1
fi
[ "${program#/}" != "$program" ] || program=$PWD/$program

median() { sort -g | awk '{ line[NR] = $0 } END { print line[int((NR + 1) / 2)] }'; }

# measure NAME COMMAND...: `CPU (WALL)`, kept as result[NAME]. BEFORE is run in front of each.
declare -A result
measure() {
    local name=$1 run
    shift
    : >"$folder/times"
    for run in $(seq "$runs"); do
        ${BEFORE:-true} >/dev/null
        { TIMEFORMAT='%U %S %R'; time "$@" >/dev/null; } 2>&1 | awk 'NF == 3 { printf "%.3f %.3f\n", $1 + $2, $3 }' >>"$folder/times"
    done
    result[$name]=$(median <"$folder/times" | awk '{ printf "%.3f (%.3f)", $1, $2 }')
}

row() { printf '| %-38s | %16s | %16s | %16s |\n' "$@"; }

for count in "${counts[@]}"; do
    pool=$folder/pool-$count
    [ -d "$pool" ] || "$program" generate "$pool" 0 "$count"
    [ -d "$folder/more" ] || "$program" generate "$folder/more" 99999 1
    more=$(basename "$folder"/more/*.rpm)
    gone=$(find "$pool" -name '*.rpm' -printf '%f\n' | sort | sed -n "$((count / 2))p")
    rm -f "$pool/$more"

    if command -v createrepo_c >/dev/null; then
        theirs() { createrepo_c --quiet --no-database "$@" "$pool"; }
        rm -rf "$pool/repodata"
        measure their-full theirs
        with_more() { rm -f "$pool/$more"; theirs; ln "$folder/more/$more" "$pool/$more"; }
        without_one() { [ -e "$pool/$gone" ] || mv "$folder/$gone" "$pool"; theirs; mv "$pool/$gone" "$folder"; }
        BEFORE=with_more measure their-add theirs --update
        rm -f "$pool/$more"
        BEFORE=without_one measure their-remove theirs --update
        mv "$folder/$gone" "$pool"
        rm -rf "$pool/repodata"
    fi
    for form in gz zst; do
        state=$folder/state
        measure "$form-full" "$program" full "$pool" "$state" $form
        measure "$form-keep" "$program" keep "$pool" "$state" $form
        # Each publication begins with the state of the full one.
        rm -rf "$state-full" && cp -a "$state" "$state-full"
        again() { rm -rf "$state" && cp -a "$state-full" "$state"; }
        ln -f "$folder/more/$more" "$pool/$more"
        BEFORE=again measure "$form-add" "$program" add "$pool" "$state" "$more" $form
        BEFORE=again measure "$form-remove" "$program" remove "$pool" "$state" "$gone" $form
        for run in $(seq "$runs"); do
            again
            "$program" warm "$pool" "$state" "$more" $form
        done >"$folder/warm"
        result[$form-warm-add]=$(awk '{ print $1, "(" $2 ")" }' "$folder/warm" | median)
        result[$form-warm-remove]=$(awk '{ print $3, "(" $4 ")" }' "$folder/warm" | median)
        rm -f "$pool/$more"
        result[$form-bytes]=$(du -cb "$state-full"/repodata/*.xml.* | awk '{ bytes = $1 } END { printf "%.1f MB", bytes / 1e6 }')
    done
    echo
    row "$count packages: CPU s (wall s)" "createrepo_c" "kiln, gzip" "kiln, zstd"
    row "---" "---:" "---:" "---:"
    row "full" "${result[their-full]:--}" "${result[gz-full]}" "${result[zst-full]}"
    row "full, all kept for the next time" "-" "${result[gz-keep]}" "${result[zst-keep]}"
    row "one more, after a restart" "${result[their-add]:--}" "${result[gz-add]}" "${result[zst-add]}"
    row "one less, after a restart" "${result[their-remove]:--}" "${result[gz-remove]}" "${result[zst-remove]}"
    row "one more, in a running service" "-" "${result[gz-warm-add]}" "${result[zst-warm-add]}"
    row "one less, in a running service" "-" "${result[gz-warm-remove]}" "${result[zst-warm-remove]}"
    row "size of the metadata" "" "${result[gz-bytes]}" "${result[zst-bytes]}"
done
