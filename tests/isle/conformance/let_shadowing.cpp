#include <initializer_list>

#include RULES

using namespace isle_rules;
struct Host final : Context {};

int main() {
  Host host;
  for (const u64 x : {20u, 97u}) {
    if (constructor_test1(host, x) != x || constructor_test2(host, x) != x ||
        constructor_test3(host, x) != x)
      return 1;
    if (constructor_test4(host, x) != 23 || constructor_test5(host, x) != x ||
        constructor_test6(host, x) != x)
      return 2;
  }
  return 0;
}
