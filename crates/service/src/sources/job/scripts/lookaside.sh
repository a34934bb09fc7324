#!/bin/sh -eu
# Fetches what the file sources of a checkout lists, by digest, and checks it: lines `SHA512 (FILE) = DIGEST`, or
# `DIGEST  FILE` with MD5 as of old. KILN_LOOKASIDE is the address of a file, with {file}, {kind} and {digest} in it.
fail() {
    echo "kiln: $*"
    exit 1
}
# The text $1 with $3 for each $2.
replaced() {
    rest=$1
    done=
    while :; do
        case "$rest" in
            *"$2"*)
                done=$done${rest%%"$2"*}$3
                rest=${rest#*"$2"}
                ;;
            *) break ;;
        esac
    done
    printf '%s' "$done$rest"
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
    address=$(replaced "$KILN_LOOKASIDE" '{kind}' "$kind")
    address=$(replaced "$address" '{digest}' "$digest")
    address=$(replaced "$address" '{file}' "$file")
    curl --silent --show-error --fail --location --globoff --proto =http,https --output "./$file" "$address" ||
        fail "$file can not be fetched from $address"
    printf '%s  %s\n' "$digest" "./$file" | "${kind}sum" --check --quiet - || fail "$file is not what sources says"
done <sources
