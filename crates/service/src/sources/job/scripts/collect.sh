#!/bin/sh -eu
# Copies the plain files of the folder a script says it leaves its sources in. Its name is the script owner's: relative to
# where the script ran, or below the working folder.
folder=${KILN_FOLDER:-.}
cd -- "$folder" 2>/dev/null || {
    echo "kiln: the script left no folder $folder"
    exit 1
}
for file in * .[!.]*; do
    if [ -f "$file" ] && [ ! -L "$file" ]; then
        cp -- "$file" "$RESULT/"
    fi
done
