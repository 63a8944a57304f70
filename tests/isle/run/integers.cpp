#include <cstdio>

#include RULES

using namespace isle_rules;
struct Host final : Context {};

template <class T, class F>
static int expect(F function, T in, T wanted, int line) {
  Host host;
  T out = 0;
  if (function(host, in, out) && out == wanted) return 0;
  std::printf("line %d\n", line);
  return 1;
}
#define EXPECT(type, in, wanted) \
  failures += expect<type>(constructor_##type##s, in, wanted, __LINE__)

int main() {
  int failures = 0;
  EXPECT(u8, 0, 255);
  EXPECT(u8, 127, 128);
  EXPECT(u8, 255, 254);
  EXPECT(u8, 15, 15);
  EXPECT(i8, -128, 127);
  EXPECT(i8, -1, -128);
  EXPECT(i8, 5, -5);
  EXPECT(u64, UINT64_MAX, UINT64_MAX);
  EXPECT(u64, UINT64_MAX - 1, UINT64_C(1) << 63);
  EXPECT(u64, 1000000, 10);
  EXPECT(i64, INT64_MIN, INT64_MAX);
  EXPECT(i64, INT64_MAX, INT64_MIN);
  EXPECT(u128, ~u128{0}, u128{1} << 127);
  EXPECT(u128, u128{1} << 64, ~u128{0});
  EXPECT(u128, 7, UINT64_MAX);
  const i128 largest = static_cast<i128>(~u128{0} >> 1);
  EXPECT(i128, -largest, largest);
  EXPECT(i128, -1, -largest);
  Host host;
  u8 none = 0;
  if (constructor_u8s(host, 1, none)) ++failures;
  u32 size = 0;
  if (!constructor_sizes(host, SIZE_MAX, -1, size) || size != UINT32_MAX) ++failures;
  if (!constructor_sizes(host, 3, -3, size) || size != 0x80000000u) ++failures;
  if (constructor_truth(host, true, true) != INT32_MIN ||
      constructor_truth(host, true, false) != INT32_MAX)
    ++failures;
  if (constructor_truth(host, false, true) != 0) ++failures;
  return failures == 0 ? 0 : 1;
}
