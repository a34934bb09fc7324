#!/bin/sh -eu
# Writes a spec file for a release of the Python package index, with a tool that pip brings, and gets its source.
fail() {
    echo "kiln: $*"
    exit 1
}
python3 -m venv tool || fail "python3 has no venv here"
tool/bin/pip install --quiet --disable-pip-version-check "$KILN_GENERATOR" || fail "pip can not install $KILN_GENERATOR"
PATH=$PWD/tool/bin:$PATH
release=$KILN_PROJECT${KILN_VERSION:+==$KILN_VERSION}
mkdir stage
pip download --quiet --disable-pip-version-check --no-deps --no-binary "$KILN_PROJECT" --dest stage \
    "$release" || fail "pip can not get the source of $release"
cd stage
set -- *
[ $# -eq 1 ] && [ -f "$1" ] || fail "$release has no source"
# The tools read what pip brought, so that one address of an index is enough for all.
case "$KILN_GENERATOR" in
    pyp2rpm)
        source=$1
        set -- "./$source"
        [ -z "$KILN_TEMPLATE" ] || set -- "$@" -t "$KILN_TEMPLATE"
        for version in $KILN_PYTHONS; do
            case "$*" in *" -b "*) set -- "$@" -p "$version" ;; *) set -- "$@" -b "$version" ;; esac
        done
        pyp2rpm "$@" >"python-$KILN_PROJECT.spec" || fail "pyp2rpm can not write a spec file"
        ;;
    *)
        pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir . "$release" || fail "pip can not build $release"
        pyp2spec "$KILN_PROJECT" --automode --path . || fail "pyp2spec can not write a spec file"
        rm -- *.whl
        ;;
esac
set -- *.spec
[ -f "$1" ] || fail "$KILN_GENERATOR has written no spec file"
rpmbuild -bs --nodeps --define "_sourcedir $PWD" --define "_srcrpmdir $RESULT" --define "_topdir $PWD" "$1" ||
    find . -maxdepth 1 -type f -exec cp -- {} "$RESULT/" \;
