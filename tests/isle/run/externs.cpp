#include "externs_context.h"

#include <algorithm>
#include <cstdio>

using namespace isle_rules;

static int failures = 0;
#define CHECK(condition)                                           \
  do {                                                             \
    if (!(condition)) {                                            \
      std::printf("line %d: %s is false\n", __LINE__, #condition); \
      ++failures;                                                  \
    }                                                              \
  } while (false)

static int lower(Host& host, int x) {
  isle_runtime::Out<Id> out;
  return constructor_lower(host, Id(x), out.value) ? out.value.value() : -1;
}
using Ints = std::vector<int>;
template <std::uint32_t kCapacity = 64>
static Ints walk(Host& host, int x) {
  isle_runtime::ResultArray<Id, kCapacity> results;
  constructor_walk(host, Id(x), results);
  Ints values;
  for (const Id& id : results) values.push_back(id.value());
  return values;
}

int main() {
  Host host;
  CHECK(lower(host, 100) == 4);
  CHECK(lower(host, 102) == 10);
  CHECK(lower(host, 103) == 6);
  CHECK(host.effects.empty());
  host.flags[3] = true;
  CHECK(lower(host, 104) == 1001 && host.effects == Ints{10607});
  host.effects.clear();
  host.flags[1] = true;
  CHECK(lower(host, 106) == 1001 && host.effects == Ints{908});
  host.effects.clear();
  host.flags[1] = false;
  // Both emits run, in order, although the second is not used.
  CHECK(lower(host, 105) == 1001);
  CHECK((host.effects == Ints{404, 10000 * 0 + 1001 * 100 + 4}));
  host.effects.clear();
  CHECK(lower(host, 107) == 2 && host.effects == Ints{-1});
  // A failing partial constructor on the right fails the term; no later rule is tried.
  host.effects.clear();
  host.fewest_try = 3;
  CHECK(lower(host, 107) == -1 && host.effects == Ints{-1});
  CHECK(lower(host, 14) == 4);
  CHECK(lower(host, 8) == -1);
  CHECK(lower(host, 15) == -1);

  const Pair rest = constructor_rest(host, Id(35));
  CHECK(rest.f0 == Id(2) && rest.f1 == 3);

  // below: 3 2 1 0 with even ones kept; upto 4: 4 and 2 doubled; is_even: upto 2.
  Ints four = walk(host, 4);
  std::sort(four.begin(), four.end());
  CHECK((four == Ints{0, 1, 2, 2, 4, 8}));
  Ints five = walk(host, 5);
  std::sort(five.begin(), five.end());
  CHECK((five == Ints{0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 4, 5, 6, 8, 8}));
  CHECK(walk<3>(host, 5).size() == 3);
  CHECK(walk<1>(host, 4).size() == 1);
  isle_runtime::ResultArray<Pair, 8> pairs;
  constructor_pairs(host, Id(3), pairs);
  CHECK(pairs.size() == 3 && pairs[0].f0 == Id(2) && pairs[2].f1 == 1);
  constructor_pairs(host, Id(100), pairs);
  CHECK(pairs.size() == 8 && pairs.full());

  CHECK(constructor_shape(host, Id(3), Id(3)).kind() == Shape::Kind::Dot);
  const Shape tagged = constructor_shape(host, Id(3), Id(0));
  CHECK(tagged.kind() == Shape::Kind::Tagged && tagged.Tagged_0().f0 == Id(3) &&
        tagged.Tagged_1() == Colour::Blue);
  const Shape line = constructor_shape(host, Id(3), Id(4));
  CHECK(line.Line_from() == Id(3) && line.Line_to() == Id(4));
  CHECK(constructor_same(host, line, Shape::make_Line(Id(3), Id(4))));
  CHECK(!constructor_same(host, line, Shape::make_Line(Id(4), Id(4))));
  CHECK(!constructor_same(host, line, tagged));
  CHECK(constructor_colour(host, Colour::Red, Colour::Red) == 1);
  CHECK(constructor_colour(host, Colour::Red, Colour::Blue) == 2);
  CHECK(constructor_colour(host, Colour::Red, Colour::Green) == 3);
  CHECK(constructor_colour(host, Colour::Blue, Colour::Red) == 4);
  CHECK(constructor_boxed(host, Box{Id(4), 0}) == Id(4));
  CHECK(constructor_boxed(host, Box{Id(4), 1}) == Id(8));
  CHECK(constructor_reweigh(host, tagged) == 1);
  CHECK(constructor_reweigh(host, Shape::make_Dot()) == 1);
  CHECK(constructor_limit(host) == ~std::uint64_t{0});
  CHECK(constructor_keep(host, Id(6), 700).weight == 700);
  return failures == 0 ? 0 : 1;
}
