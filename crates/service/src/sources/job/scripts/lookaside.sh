#!/bin/sh -eu
# Fetches what the file sources of a checkout lists, by digest, and checks it: lines `SHA512 (FILE) = DIGEST`, or
# `DIGEST  FILE` with MD5 as of old.
fail() {
    echo "kiln: $*"
    exit 1
}
cd checkout
[ -f sources ] || exit 0
while read -r first second third fourth rest; do
    case "$first" in
        "" | \#*) continue ;;
        SHA512 | SHA256 | MD5)
            file=${second#(}
            file=${file%)}
            digest=$fourth
            ;;
        *)
            digest=$first
            file=$second
            first=MD5
            ;;
    esac
    case "$file" in "" | */* | .* | -*) fail "sources names $file, which is no name of a file" ;; esac
    case "$digest" in "" | *[!0-9a-fA-F]*) fail "sources has no digest of $file" ;; esac
    kind=$(printf '%s' "$first" | tr '[:upper:]' '[:lower:]')
    curl --silent --show-error --fail --location --proto =http,https --output "./$file" \
        "$KILN_LOOKASIDE/$file/$kind/$digest/$file" || fail "$file can not be fetched from $KILN_LOOKASIDE"
    printf '%s  %s\n' "$digest" "./$file" | "${kind}sum" --check --quiet - || fail "$file is not what sources says"
done <sources
