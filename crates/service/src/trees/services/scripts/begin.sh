for file in "$INPUT"/*; do
    [ ! -f "$file" ] || cp -- "$file" files/
done
