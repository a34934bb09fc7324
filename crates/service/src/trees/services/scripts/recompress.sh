# recompress: files with another compression.
to=$(param compression)
globs=$(param file)
found=
old_ifs=$IFS
IFS='
'
set -f
for glob in ${globs:-*.tar}; do
    for file in $(find files -maxdepth 1 -type f -name "$glob"); do
        name=$(basename -- "$file")
        case $name in
            *.gz) plain=${name%.gz} read='gzip -dc' ;;
            *.tgz) plain=${name%.tgz}.tar read='gzip -dc' ;;
            *.bz2) plain=${name%.bz2} read='bzip2 -dc' ;;
            *.xz) plain=${name%.xz} read='xz -dc' ;;
            *.zst) plain=${name%.zst} read='zstd -qdc' ;;
            *) plain=$name read=cat ;;
        esac
        case ${to:-xz} in
            gz) new=$plain.gz write='gzip -nc' ;;
            bz2) new=$plain.bz2 write='bzip2 -c' ;;
            xz) new=$plain.xz write='xz -c' ;;
            zst) new=$plain.zst write='zstd -qc' ;;
            none) new=$plain write=cat ;;
            *) fail "compression $to is none of gz, bz2, xz, zst, none" ;;
        esac
        found=yes
        [ "$new" != "$name" ] || continue
        IFS=$old_ifs
        $read < "$file" > plain || fail "$name can not be read"
        $write < plain > "out/$new"
        rm plain
        drop "$name"
        give "out/$new"
        IFS='
'
    done
done
set +f
IFS=$old_ifs
[ -n "$found" ] || fail "there is no file called ${globs:-*.tar}"
