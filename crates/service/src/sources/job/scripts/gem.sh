#!/bin/sh -eu
# Writes a spec file for a gem, and gets the gem.
fail() {
    echo "kiln: $*"
    exit 1
}
mkdir stage
cd stage
gem2rpm --fetch "$KILN_GEM" >"rubygem-$KILN_GEM.spec" || fail "gem2rpm can not make a spec file of $KILN_GEM"
set -- *.gem
[ -f "$1" ] || fail "there is no gem $KILN_GEM"
rpmbuild -bs --nodeps --define "_sourcedir $PWD" --define "_srcrpmdir $RESULT" --define "_topdir $PWD" \
    "rubygem-$KILN_GEM.spec" || fail "rpmbuild can not make a source package of $KILN_GEM"
