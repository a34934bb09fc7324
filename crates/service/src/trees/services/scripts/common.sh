# What all services share. Each begins in the same folder; `files` has the package's files with what earlier services made.
# SERVICE is the service's number: its parameters are in variables called after it.
set -eu
mkdir -p files out

fail() {
    echo "kiln: $*" >&2
    exit 1
}

# The value of a parameter; nothing, if it was not given.
param() {
    eval "printf %s \"\${S${SERVICE}_$1-}\""
}

# Whether a name is one of a file here.
is_name() {
    case $1 in '' | . | .. | */* | .*) return 1 ;; esac
}

# A version that can stand in names and recipes.
clean() {
    printf %s "$1" | tr -cd 'A-Za-z0-9._+~^-'
}

# Takes a file away, whoever made it; the caller may have switched patterns off.
drop() (
    set +f
    rm -f -- "files/$1" "$RESULT"/_service:*:"$1"
)

# Hands a file over, instead of any of its name that was there.
give() {
    given=$(basename -- "$1")
    is_name "$given" || fail "can not make a file called $given"
    drop "$given"
    cp -- "$1" "files/$given"
    mv -- "$1" "$RESULT/_service:$(param NAME):$given"
}
