#!/bin/sh
# position_independent.sh GANTRY CC: calls, tail calls and addresses of functions that may be anywhere go through the table
# of addresses: in a shared library, in an executable that may lie anywhere, and in one that may not, where the linker
# makes them direct. The same without is_pic, where the linker puts something in between.
set -eu
. "$(dirname "$0")/scratch.sh"
cd "$folder"
cat >calls.clif <<END
function %through_call(i64) -> i64 system_v {
    fn0 = %elsewhere(i64) -> i64 system_v
block0(v0: i64):
    v1 = call fn0(v0)
    v2 = call fn0(v1)
    return v2
}
function %through_address(i64) -> i64 system_v {
    sig0 = (i64) -> i64 system_v
    fn0 = %elsewhere(i64) -> i64 system_v
block0(v0: i64):
    v1 = func_addr.i64 fn0
    v2 = call_indirect sig0, v1(v0)
    return v2
}
function %to_the_end(i64, i64) -> i64 tail {
    fn0 = colocated %last(i64, i64) -> i64 tail
    fn1 = %last(i64, i64) -> i64 tail
block0(v0: i64, v1: i64):
    brif v0, block1, block2
block1:
    return_call fn0(v0, v1)
block2:
    return_call fn1(v1, v0)
}
function %last(i64, i64) -> i64 tail {
block0(v0: i64, v1: i64):
    v2 = isub v0, v1
    return v2
}
function %through_tail_call(i64, i64) -> i64 system_v {
    fn0 = colocated %to_the_end(i64, i64) -> i64 tail
block0(v0: i64, v1: i64):
    v2 = call fn0(v0, v1)
    return v2
}
END
cat >elsewhere.c <<END
long elsewhere(long x) { return x * 10 + 1; }
END
cat >main.c <<END
long through_call(long), through_address(long), through_tail_call(long, long);
int main(void) {
  return through_call(3) == 311 && through_address(4) == 41 && through_tail_call(9, 2) == 7 &&
         through_tail_call(0, 2) == 2 ? 0 : 1;
}
END
for setting in is_pic=true is_pic=false; do
  "$gantry" compile --target x86_64 --set $setting -o calls.o calls.clif >/dev/null
  "$cc" -no-pie -o fixed main.c elsewhere.c calls.o
  ./fixed
done
"$gantry" compile --target x86_64 --set is_pic -o calls.o calls.clif >/dev/null
"$cc" -fPIE -pie -o anywhere main.c elsewhere.c calls.o
./anywhere
"$cc" -fPIC -shared -o libcalls.so calls.o
"$cc" -fPIC -shared -o libelsewhere.so elsewhere.c
"$cc" -o shared main.c ./libcalls.so ./libelsewhere.so
./shared
if command -v readelf >/dev/null; then
  references=$(readelf -rW calls.o | grep -c 'GOTPCRELX.*elsewhere - 4')
  [ "$references" = 3 ] || { readelf -rW calls.o; exit 1; }
fi
