#!/bin/sh
# struct_args.sh GANTRY CC: structs passed by value to C and from it, of sizes copied word by word and by a loop, with ends
# that are no words.
set -eu
. "$(dirname "$0")/scratch.sh"
cd "$folder"
cat >pass.clif <<END
function %pass(i64, i64, i64, i64) -> i64 system_v {
    fn0 = %receive(i32, i64 sarg(23), f64, i64 sarg(1000), i64 sarg(151), i64 sarg(24), i64, i64, i64, i64, i64, i64) -> i64 system_v
block0(v0: i64, v1: i64, v2: i64, v3: i64):
    v4 = iconst.i32 4
    v5 = f64const 0x1.4
    v6 = iconst.i64 6
    v7 = iconst.i64 7
    v8 = call fn0(v4, v0, v5, v2, v1, v3, v6, v6, v6, v6, v6, v7)
    return v8
}

function %digest(i64, i64 sarg(23), i64 sarg(1000), i64 sarg(151), i32 sext) -> i64 system_v {
    fn0 = %add_bytes(i64, i64, i64) -> i64 system_v
block0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i32):
    v5 = iconst.i64 23
    v6 = call fn0(v0, v1, v5)
    v7 = iconst.i64 1000
    v8 = call fn0(v6, v2, v7)
    v9 = iconst.i64 151
    v10 = call fn0(v8, v3, v9)
    v11 = sextend.i64 v4
    v12 = isub v10, v11
    v13 = iconst.i8 0
    store v13, v1
    store v13, v2
    store v13, v3
    return v12
}
END
cat >main.c <<END
#include <string.h>
struct odd { char bytes[23]; };
struct large { long words[125]; };
struct loop { char bytes[151]; };
struct words { long a, b, c; };

struct odd odd;
struct large large;
struct loop loop;
struct words words = {1, 2, 3};

// Unsigned, that it may wrap.
unsigned long add_bytes(unsigned long sum, const unsigned char* bytes, long count) {
  while (count-- > 0) sum = sum * 31 + *bytes++;
  return sum;
}
static int same(const void* a, const void* b, unsigned long size) { return memcmp(a, b, size) == 0; }

long receive(int a, struct odd b, double c, struct large d, struct loop e, struct words f, long g, long h, long i, long j,
             long k, long l) {
  const int copied = same(&b, &odd, sizeof b) && same(&d, &large, sizeof d) && same(&e, &loop, sizeof e) &&
                     f.a == 1 && f.b == 2 && f.c == 3 && &d != &large;
  return copied && a == 4 && c == 1.25 && g == 6 && h == 6 && i == 6 && j == 6 && k == 6 && l == 7 ? 99 : 0;
}
long pass(struct odd*, struct loop*, struct large*, struct words*);
unsigned long digest(unsigned long start, struct odd, struct large, struct loop, int);

int main(void) {
  for (unsigned i = 0; i < sizeof odd; ++i) odd.bytes[i] = (char)(i * 7 + 1);
  for (unsigned i = 0; i < 125; ++i) large.words[i] = (long)(i * 0x23456789abcdeful) + 5;
  for (unsigned i = 0; i < sizeof loop; ++i) loop.bytes[i] = (char)(i * 11 + 3);
  if (pass(&odd, &loop, &large, &words) != 99) return 1;
  unsigned long expected = add_bytes(1, (unsigned char*)&odd, sizeof odd);
  expected = add_bytes(expected, (unsigned char*)&large, sizeof large);
  expected = add_bytes(expected, (unsigned char*)&loop, sizeof loop) + 9;
  if (digest(1, odd, large, loop, -9) != expected) return 2;
  return odd.bytes[0] == 1 && large.words[0] == 5 && loop.bytes[0] == 3 ? 0 : 3;
}
END
"$gantry" compile --target x86_64 --set is_pic -o pass.o pass.clif >/dev/null
for level in -O0 -O2; do
  "$cc" $level -o main main.c pass.o
  ./main
done
