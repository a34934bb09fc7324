# obs_scm and tar_scm: a commit of a git repository as an archive.
url=$(param url)
[ -n "$url" ] || fail "a checkout needs url"
export GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=https:http:git:ssh:file
rm -rf clone pack
git clone --quiet --no-checkout -- "$url" clone || fail "$url can not be cloned"

revision=$(param revision)
if [ -n "$revision" ]; then
    commit=$(git -C clone rev-parse --verify --quiet "origin/$revision^{commit}" ||
        git -C clone rev-parse --verify --quiet "$revision^{commit}") || fail "$url has no revision $revision"
else
    commit=$(git -C clone rev-parse --verify --quiet HEAD) || fail "$url has no commit"
fi
git -C clone checkout --quiet --detach "$commit"
case $(param submodules) in
    disable | no) ;;
    *) [ ! -f clone/.gitmodules ] || git -C clone submodule --quiet update --init --recursive ;;
esac

version=$(param version)
[ "$version" != _none_ ] || version=
if [ -z "$version" ]; then
    format=$(param versionformat)
    version=$(git -C clone log -1 --date=format:%Y%m%dT%H%M%S --pretty="format:${format:-%ct.%h}")
    case $version in
        *@PARENT_TAG@* | *@TAG_OFFSET@*)
            tag=$(param parent_tag)
            match=$(param match_tag)
            [ -n "$tag" ] || tag=$(git -C clone describe --tags --abbrev=0 ${match:+--match "$match"}) ||
                fail "$url has no tag before $commit"
            offset=$(git -C clone rev-list --count "$tag..HEAD") || fail "$url has no tag $tag"
            version=$(printf %s "$version" | sed "s|@PARENT_TAG@|$(clean "$tag")|g; s|@TAG_OFFSET@|$offset|g")
            ;;
    esac
fi
pattern=$(param versionrewrite_pattern)
if [ -n "$pattern" ]; then
    mark=$(printf '\001')
    version=$(printf %s "$version" | sed -E "s$mark$pattern$mark$(param versionrewrite_replacement)$mark") ||
        fail "versionrewrite-pattern is no regular expression"
fi
prefix=$(param versionprefix)
version=$(clean "${prefix:+$prefix.}$version")
[ -n "$version" ] || fail "there is no version"

name=$(param filename)
[ -n "$name" ] || name=$(basename -- "${url%/}" .git)
is_name "$name" || fail "$name is no name of an archive"
folder=$name-$version
[ "$(param without_version)" != yes ] || folder=$name

subdir=$(param subdir)
from=clone${subdir:+/${subdir%/}}
[ -d "$from" ] || fail "$url has no folder $subdir"
time=$(git -C clone log -1 --format=%ct)
mkdir pack
cp -a "$from" "pack/$folder"
[ "$(param package_meta)" = yes ] || find "pack/$folder" -name .git -prune -exec rm -rf -- {} +

# Patterns, one a line.
old_ifs=$IFS
IFS='
'
set -f
for glob in $(param exclude); do
    find "pack/$folder" -mindepth 1 \( -name "$glob" -o -path "pack/$folder/$glob" \) -prune -exec rm -rf -- {} +
done
includes=$(param include)
if [ -n "$includes" ]; then
    mkdir pack/kept
    for glob in $includes; do
        find "pack/$folder" -mindepth 1 -maxdepth 1 -name "${glob%%/*}" -exec mv -- {} pack/kept/ \;
    done
    rm -rf "pack/${folder:?}"
    mv pack/kept "pack/$folder"
fi
for glob in $(param extract); do
    found=$(find "$from" -path "$from/$glob" -type f)
    [ -n "$found" ] || fail "there is nothing called $glob to extract"
    for file in $found; do
        cp -- "$file" out/
        give "out/$(basename -- "$file")"
    done
done
set +f
IFS=$old_ifs

if [ "$(param NAME)" = tar_scm ]; then
    tar -C pack -cf "out/$folder.tar" --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$time" "$folder"
    give "out/$folder.tar"
else
    find pack -exec touch -h -d "@$time" -- {} +
    (cd pack && find "$folder" -print | LC_ALL=C sort | cpio --quiet -o -H newc) > "out/$folder.obscpio"
    give "out/$folder.obscpio"
    printf 'name: %s\nversion: %s\nmtime: %s\ncommit: %s\n' "$name" "$version" "$time" "$commit" > "out/$name.obsinfo"
    give "out/$name.obsinfo"
fi
