#!/bin/sh -eu
# Puts what came with the request that began the build where a script looks for it. A link: it is none of what the script leaves.
ln -s -- "$INPUT"/* .
