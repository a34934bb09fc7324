#!/bin/sh -eu
# Lets the checkout make its source package itself: the target srpm of the Makefile in a hidden folder at its top.
fail() {
    echo "kiln: $*"
    exit 1
}
cd checkout
top=$PWD
makefile=
for file in .[!.]*/Makefile; do
    if [ -f "$file" ] && grep -q '^srpm[[:space:]]*:' "$file"; then
        [ -z "$makefile" ] || fail "$makefile and $file both have a target srpm"
        makefile=$file
    fi
done
[ -n "$makefile" ] || fail "no folder like .packaging at the top has a Makefile with a target srpm"
cd "./$KILN_FOLDER"
spec=
[ -z "$KILN_SPEC" ] || spec=$PWD/$KILN_SPEC
make -f "$top/$makefile" srpm outdir="$RESULT" spec="$spec" || fail "make srpm has failed"
