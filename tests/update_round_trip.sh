#!/bin/sh
# update_round_trip.sh GANTRY: a missing expectation fails, is written in either of two ways, and then holds.
set -eu
gantry=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
write_test() {
  cat >"$folder/add.clif" <<END
; Comments in front stay.
test compile precise-output
target x86_64

function %add(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = iadd v0, v1
    return v2
}
END
}
write_test
if "$gantry" test "$folder" >/dev/null; then
  echo "passes without an expectation"
  exit 1
fi
"$gantry" test --update "$folder"
"$gantry" test "$folder"
grep -q '^; VCode:$' "$folder/add.clif"
grep -q '^; Disassembled:$' "$folder/add.clif"
grep -q '^; Comments in front stay.$' "$folder/add.clif"
cp "$folder/add.clif" "$folder/first"
write_test
CRANELIFT_TEST_BLESS=1 "$gantry" test "$folder"
cmp "$folder/add.clif" "$folder/first"
