#!/bin/sh
# thread_local.sh GANTRY CC: an object file reads and writes each thread's own copy of a C program's variables, linked as
# part of a program, of a static one and of a library.
set -eu
. "$(dirname "$0")/scratch.sh"
cd "$folder"
cat >count.clif <<END
function %count(i32) -> i32 system_v {
    gv0 = symbol tls %counter
    gv1 = symbol tls %array+8
block0(v0: i32):
    v1 = tls_value.i64 gv0
    v2 = load.i32 v1
    v3 = iadd v2, v0
    store v3, v1
    v4 = tls_value.i64 gv1
    v5 = load.i32 v4
    v6 = iadd v3, v5
    return v6
}
END
cat >main.c <<END
#include <pthread.h>
__thread int counter = 5;
__thread int array[4] = {1, 2, 30, 4};
int count(int by);
static void* other(void* result) {
  *(int*)result = count(100);
  return 0;
}
int main(void) {
  int seen = 0;
  pthread_t thread;
  if (count(1) != 36 || counter != 6) return 1;
  if (pthread_create(&thread, 0, other, &seen) != 0 || pthread_join(thread, 0) != 0) return 2;
  if (seen != 135) return 3;
  return count(1) == 37 && counter == 7 ? 0 : 4;
}
END
"$gantry" compile --target x86_64 --set tls_model=elf_gd --set is_pic -o count.o count.clif >/dev/null
"$cc" -o plain main.c count.o -pthread
./plain
"$cc" -static -o static main.c count.o -pthread
./static
"$cc" -shared -o libcount.so count.o
"$cc" -o shared main.c -L. -lcount -Wl,-rpath,. -pthread
./shared
