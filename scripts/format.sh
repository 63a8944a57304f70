#!/bin/sh
# Formats all C++ files in place; with --check only says which would change.
set -eu
cd "$(dirname "$0")/.."
format=$(command -v clang-format-14 || command -v clang-format)
files=$(git ls-files '*.h' '*.cpp')
if [ "${1:-}" = --check ]; then
  exec "$format" --dry-run -Werror $files
fi
exec "$format" -i $files
