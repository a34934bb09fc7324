#!/bin/sh -eu
# Makes a source package with tito: of the newest tag, or of the last commit if KILN_TEST is set.
stage=$PWD/stage
cd "checkout/$KILN_FOLDER"
git config --global user.name "Kiln"
git config --global user.email "kiln@localhost"
# tito builds tags and branches; a detached head is neither.
git symbolic-ref --quiet HEAD >/dev/null || git checkout --quiet -b kiln-build
if [ -n "${KILN_TEST:-}" ]; then
    tito build --srpm --test --output "$stage"
else
    tito build --srpm --output "$stage"
fi || {
    echo "kiln: tito can not make a source package"
    exit 1
}
find "$stage" -name '*.src.rpm' -exec cp -- {} "$RESULT/" \;
