# tar: archives of obs_scm as tar files.
found=
for info in files/*.obsinfo; do
    [ -f "$info" ] || continue
    name=$(sed -n 's/^name: //p' "$info" | head -n 1)
    version=$(sed -n 's/^version: //p' "$info" | head -n 1)
    time=$(sed -n 's/^mtime: //p' "$info" | head -n 1 | tr -cd 0-9)
    is_name "$name-$version" || fail "$info names no archive"
    for folder in "$name-$version" "$name"; do
        [ -f "files/$folder.obscpio" ] || continue
        rm -rf pack
        mkdir pack
        (cd pack && cpio --quiet -idm --no-absolute-filenames) < "files/$folder.obscpio"
        tar -C pack -cf "out/$folder.tar" --format=gnu --sort=name --owner=0 --group=0 --numeric-owner \
            --mtime="@${time:-0}" "$folder"
        give "out/$folder.tar"
        drop "$folder.obscpio"
        found=yes
        break
    done
done
[ -n "$found" ] || fail "there is no .obsinfo with its .obscpio"
