#!/bin/sh -eu
# Makes a source package with tito: of the newest tag, or of the last commit if KILN_TEST is set. A root whose distribution has
# no tito gets it from the Python package index.
fail() {
    echo "kiln: $*"
    exit 1
}
stage=$PWD/stage
if ! command -v tito >/dev/null; then
    # It asks rpm's own module for names, which no index has.
    python3 -m venv --system-site-packages tool || fail "python3 has no venv here"
    tool/bin/pip install --quiet --disable-pip-version-check tito || fail "pip can not install tito"
    PATH=$PWD/tool/bin:$PATH
fi
cd "checkout/$KILN_FOLDER"
git config --global user.name "Kiln"
git config --global user.email "kiln@localhost"
# tito builds tags and branches; a detached head is neither.
git symbolic-ref --quiet HEAD >/dev/null || git checkout --quiet -b kiln-build
if [ -n "${KILN_TEST:-}" ]; then
    tito build --srpm --test --output "$stage"
else
    tito build --srpm --output "$stage"
fi || fail "tito can not make a source package"
find "$stage" -name '*.src.rpm' -exec cp -- {} "$RESULT/" \;
