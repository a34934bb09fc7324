#!/bin/sh -eu
# Writes a spec file for a release of the Python package index, with a tool that pip brings, and gets its source.
fail() {
    echo "kiln: $*"
    exit 1
}
# Releases without a pyproject.toml are built in the way of today by old versions of pip too, which else need a package wheel.
export PIP_USE_PEP517=1
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
source=$1
# The tools read what pip brought, so that one address of an index is enough for all.
case "$KILN_GENERATOR" in
    pyp2rpm)
        set -- "./$source"
        [ -z "$KILN_TEMPLATE" ] || set -- "$@" -t "$KILN_TEMPLATE"
        for version in $KILN_PYTHONS; do
            case "$*" in *" -b "*) set -- "$@" -p "$version" ;; *) set -- "$@" -b "$version" ;; esac
        done
        spec=python-$KILN_PROJECT.spec
        pyp2rpm "$@" >"$spec" || fail "pyp2rpm can not write a spec file"
        # It leaves out a summary without a full stop, and the date of the only change where rpmdevtools are missing. rpm wants both.
        sed -i "s|^Summary:[[:space:]]*$|Summary: $KILN_PROJECT|" "$spec"
        if grep -q '^[*] *- ' "$spec"; then
            sed -i '/^%changelog$/,$d' "$spec"
        fi
        ;;
    *)
        pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir . "$release" || fail "pip can not build $release"
        pyp2spec "$KILN_PROJECT" --automode --path . || fail "pyp2spec can not write a spec file"
        rm -- *.whl
        # It knows archives by the name of today only; older releases are called and packed as their authors liked.
        if grep -q '^Source: *[.][.][.]$' ./*.spec; then
            case "$source" in
                *.zip) top=$(python3 -m zipfile -l "$source" | sed -n '2s,/.*,,p') ;;
                *) top=$(tar -tf "$source" | sed -n '1s,/.*,,p') ;;
            esac
            sed -i "s|^\(Source: *\)[.][.][.]$|\1$source|; s|^\(%autosetup.* -n \)[.][.][.].*|\1$top|" ./*.spec
        fi
        ;;
esac
set -- *.spec
[ -f "$1" ] || fail "$KILN_GENERATOR has written no spec file"
rpmbuild -bs --nodeps --define "_sourcedir $PWD" --define "_srcrpmdir $RESULT" --define "_topdir $PWD" "$1" ||
    find . -maxdepth 1 -type f -exec cp -- {} "$RESULT/" \;
