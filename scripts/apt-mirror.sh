#!/usr/bin/env bash
# Prints the address of the Debian archive in this machine's apt sources (the one that has the suite bookworm), without a
# slash at its end. Ends with status 1 if there is none.
set -euo pipefail
shopt -s nullglob
addresses() {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$file" ] && sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+bookworm[[:space:]].*/\2/p' "$file"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        awk 'BEGIN { RS = ""; FS = "\n" } {
            address = ""; suites = ""
            for (i = 1; i <= NF; i++) {
                if ($i ~ /^URIs:/) { split($i, words, /[ \t]+/); address = words[2] }
                if ($i ~ /^Suites:/) suites = $i " "
            }
            if (address != "" && suites ~ /[ \t]bookworm[ \t]/) print address
        }' "$file"
    done
}
found=$(addresses | head -n 1)
[ -n "$found" ] && printf '%s\n' "${found%/}"
