#!/bin/sh -eu
# Makes a source package of the spec file in a checkout. What it names is taken from beside it; a first source that has no
# address and is not there is an archive of the checkout. What has an address and is not there is left to be fetched.
fail() {
    echo "kiln: $*"
    exit 1
}
stage=$PWD/stage
mkdir "$stage"
cd "checkout/$KILN_FOLDER"
if [ -n "$KILN_SPEC" ]; then
    spec=$KILN_SPEC
    [ -f "./$spec" ] || fail "there is no file $spec"
else
    set -- *.spec
    [ -f "$1" ] || fail "there is no spec file"
    [ $# -eq 1 ] || fail "there are several spec files, name one: $*"
    spec=$1
fi
if grep -q '{{{' "./$spec"; then
    fail "$spec is a template of rpkg, which is not used here; make a spec file of it, or use a Makefile"
fi
beside=$(dirname -- "./$spec")
cp -- "./$spec" "$stage/"
beside=$PWD/$beside
spec=$(basename -- "$spec")
parsed=$(rpmspec --define "_sourcedir $beside" -P "$stage/$spec") || fail "rpm can not read $spec"
whole=$(rpmspec --define "_sourcedir $beside" -q --srpm --qf '%{name}-%{version}\n' "$stage/$spec" | head -n 1)
complete=yes
printf '%s\n' "$parsed" |
    sed -n 's/^[[:space:]]*\([Ss]ource\|[Pp]atch\)\([0-9]*\)[[:space:]]*:[[:space:]]*\([^[:space:]]*\).*/\1\2 \3/p' >"$stage.named"
while read -r tag location; do
    file=${location##*/}
    if [ -f "$beside/$file" ]; then
        cp -- "$beside/$file" "$stage/"
        continue
    fi
    case "$location" in
        *://*)
            complete=no
            continue
            ;;
    esac
    case "$tag" in
        [Ss]ource | [Ss]ource0) ;;
        *) fail "$tag is $file, which is not in the checkout" ;;
    esac
    pack() { git archive --format=tar --prefix="$whole/" HEAD -- .; }
    case "$file" in
        *.tar.gz | *.tgz) pack | gzip -n >"$stage/$file" ;;
        *.tar.xz) pack | xz >"$stage/$file" ;;
        *.tar.bz2) pack | bzip2 >"$stage/$file" ;;
        *.tar.zst) pack | zstd --quiet >"$stage/$file" ;;
        *.tar) pack >"$stage/$file" ;;
        *.zip) git archive --format=zip --prefix="$whole/" HEAD -- . >"$stage/$file" ;;
        *) fail "$tag is $file, which is not in the checkout and no kind of archive" ;;
    esac
done <"$stage.named"
if [ $complete = yes ]; then
    rpmbuild -bs --nodeps --define "_sourcedir $stage" --define "_srcrpmdir $RESULT" --define "_topdir $stage" \
        "$stage/$spec" || fail "rpmbuild can not make a source package of $spec"
else
    find "$stage" -maxdepth 1 -type f -exec cp -- {} "$RESULT/" \;
fi
