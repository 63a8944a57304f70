# Sourced by the scripts beside it, with `set -eu` and their arguments GANTRY CC in force: a folder of their own that goes
# when they end.
gantry=$1
cc=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
