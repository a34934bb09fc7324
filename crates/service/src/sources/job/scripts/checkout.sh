#!/bin/sh -eu
# Clones $KILN_URL into checkout and goes to $KILN_REVISION: a branch, a tag, a commit, or a ref that the server has.
export GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=http:https:git
fail() {
    echo "kiln: $*"
    exit 1
}
git clone --quiet -- "$KILN_URL" checkout || fail "git can not clone $KILN_URL"
cd checkout
# Steps that follow look at it from other folders and belong to the same user.
if [ -n "$KILN_REVISION" ]; then
    found=
    for name in "refs/remotes/origin/$KILN_REVISION" "refs/tags/$KILN_REVISION" "$KILN_REVISION"; do
        found=$(git rev-parse --quiet --verify "$name^{commit}") && break
    done
    if [ -z "$found" ] && git fetch --quiet origin "$KILN_REVISION"; then
        found=$(git rev-parse --quiet --verify "FETCH_HEAD^{commit}") || found=
    fi
    [ -n "$found" ] || fail "$KILN_URL has no branch, tag or commit $KILN_REVISION"
    git checkout --quiet --detach "$found"
fi
git submodule --quiet update --init --recursive || fail "git can not get the submodules of $KILN_URL"
git log -1 --format='%H %cI %s'
[ -d "./$KILN_FOLDER" ] || fail "there is no folder $KILN_FOLDER in $KILN_URL"
