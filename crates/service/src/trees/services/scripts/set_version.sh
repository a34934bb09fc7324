# set_version: the version of the archive, put into the recipes.
version=$(clean "$(param version)")
if [ -z "$version" ]; then
    for info in files/*.obsinfo; do
        [ ! -f "$info" ] || version=$(clean "$(sed -n 's/^version: //p' "$info" | head -n 1)")
    done
fi
if [ -z "$version" ]; then
    for archive in files/"$(param basename)"*-[0-9]*.tar* files/"$(param basename)"*-[0-9]*.t?z; do
        [ -f "$archive" ] || continue
        version=$(clean "$(basename -- "$archive" | sed -nE 's/^.*-([0-9][^-]*)\.(tar(\..*)?|t.z)$/\1/p')")
        [ -z "$version" ] || break
    done
fi
[ -n "$version" ] || fail "no version was given, and no archive has one in its name"

wanted=$(param file)
for recipe in files/*.spec files/*.dsc files/PKGBUILD; do
    [ -f "$recipe" ] || continue
    name=$(basename -- "$recipe")
    [ -z "$wanted" ] || [ "$wanted" = "$name" ] || continue
    case $name in
        PKGBUILD) sed -E "0,/^pkgver=/s/^pkgver=.*/pkgver=$version/" "$recipe" > "out/$name" ;;
        *.dsc) sed -E "0,/^Version:/s/^(Version:[[:space:]]*)[^-]*/\\1$version/" "$recipe" > "out/$name" ;;
        *) sed -E "0,/^[Vv]ersion:/s/^([Vv]ersion:[[:space:]]*).*/\\1$version/" "$recipe" > "out/$name" ;;
    esac
    if cmp -s "$recipe" "out/$name"; then rm "out/$name"; else give "out/$name"; fi
done
