#!/bin/bash
# clang-tidy with the rules of .clang-tidy over the named sources, or all of them; exit status 1 for a finding.
# Needs clang-tidy-19 and a build of the preset release (its compile commands and generated headers).
set -u
cd "$(dirname "$0")/.."
tidy=${CLANG_TIDY:-clang-tidy-19}
sources=("$@")
[ ${#sources[@]} -gt 0 ] || mapfile -t sources < <(git ls-files 'src/*.cpp' 'tools/*.cpp' 'fuzz/*.cpp' 'examples/*.cpp')
# Only what the release build compiles has commands.
known=()
for source in "${sources[@]}"; do
  grep -q "$source\"" build/release/compile_commands.json && known+=("$source")
done
printf '%s\0' "${known[@]}" | xargs -0 -n 2 -P "$(nproc)" "$tidy" -p build/release --quiet 2>/dev/null
status=$?
echo "${#known[@]} sources, exit status $status"
[ $status = 0 ]
