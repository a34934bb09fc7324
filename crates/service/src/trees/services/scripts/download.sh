# download_url and download_files: files from addresses. `urls` has a name and an address a line.
urls=$(param urls)
if [ -z "$urls" ] && [ "$(param NAME)" = download_url ]; then
    url=$(param url)
    if [ -z "$url" ]; then
        path=$(param path)
        protocol=$(param protocol)
        url=${protocol:-https}://$(param host)/${path#/}
    fi
    name=$(param filename)
    [ -n "$name" ] || name=$(basename -- "${url%%\?*}")
    urls="$name $url"
fi
old_ifs=$IFS
IFS='
'
set -f
for line in $urls; do
    name=${line%% *}
    url=${line#* }
    is_name "$name" || fail "$url ends in no name of a file"
    curl --fail --silent --show-error --location --retry 3 --proto '=http,https,ftp' --output "out/$name" -- "$url" ||
        fail "$url can not be fetched"
    give "out/$name"
done
set +f
IFS=$old_ifs
