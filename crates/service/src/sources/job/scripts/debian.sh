#!/bin/sh -eu
# Makes a Debian source package of a checkout that has a folder debian. The upstream archive of one that is not native is
# what the checkout has beside that folder.
fail() {
    echo "kiln: $*"
    exit 1
}
stage=$PWD/stage
cd "checkout/$KILN_FOLDER"
[ -f debian/changelog ] || fail "there is no debian/changelog"
name=$(dpkg-parsechangelog -S Source) || fail "debian/changelog can not be read"
version=$(dpkg-parsechangelog -S Version)
plain=${version#*:}
upstream=${plain%-*}
case "$name$plain" in */* | -*) fail "$name $version can not be the name of a file" ;; esac
format=$(head -n 1 debian/source/format 2>/dev/null || echo 1.0)
tree=$stage/$name-$upstream
mkdir -p "$tree"
git archive --format=tar HEAD -- . | tar -x -C "$tree"
cd "$stage"
# A version with a revision has an upstream archive, unless the format says that there is none.
if [ "$plain" != "$upstream" ] && [ "$format" != "3.0 (native)" ]; then
    tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --exclude="$name-$upstream/debian" \
        "$name-$upstream" | gzip -n >"${name}_$upstream.orig.tar.gz"
fi
dpkg-source -b "$name-$upstream" || fail "dpkg-source can not make a source package of $name $version"
find . -maxdepth 1 -type f -exec cp -- {} "$RESULT/" \;
