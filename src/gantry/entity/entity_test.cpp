#include <gtest/gtest.h>

#include <random>

#include "gantry/entity/entity_list.h"
#include "gantry/entity/maps.h"

namespace gantry {
namespace {

GANTRY_ENTITY(Thing, "thing");

Thing thing(u32 index) { return Thing::from_index(index); }

TEST(EntityId, knows_its_prefix) {
  EXPECT_EQ(Thing::kPrefix, "thing");
  EXPECT_LT(thing(1), thing(2));
}

TEST(PackedOption, is_four_bytes) {
  static_assert(sizeof(PackedOption<Thing>) == 4);
  PackedOption<Thing> none;
  EXPECT_FALSE(none.has_value());
  EXPECT_EQ(*PackedOption<Thing>(thing(7)), thing(7));
}

TEST(SecondaryMap, reads_the_default_without_growing) {
  SecondaryMap<Thing, int> map(-1);
  EXPECT_EQ(map[thing(1000)], -1);
  EXPECT_EQ(map.size(), 0u);
  map.set(thing(3), 5);
  EXPECT_EQ(map[thing(3)], 5);
  EXPECT_EQ(map[thing(2)], -1);
}

TEST(EntitySet, inserts_once) {
  EntitySet<Thing> set;
  EXPECT_TRUE(set.insert(thing(70)));
  EXPECT_FALSE(set.insert(thing(70)));
  set.remove(thing(70));
  EXPECT_FALSE(set.contains(thing(70)));
}

TEST(SparseMap, clears_without_touching_the_index) {
  SparseMap<Thing, int> map;
  map.insert(thing(100), 1);
  map.insert(thing(5), 2);
  EXPECT_EQ(*map.find(thing(100)), 1);
  map.clear();
  EXPECT_EQ(map.find(thing(100)), nullptr);
}

TEST(EntityList, behaves_like_a_vector) {
  ListPool<Thing> pool;
  std::mt19937 random(1);
  std::vector<EntityList<Thing>> lists(50);
  std::vector<std::vector<Thing>> models(50);
  for (int step = 0; step < 20000; ++step) {
    const u32 at = random() % 50;
    switch (random() % 8) {
      case 0:
        if (!models[at].empty()) {
          const u32 index = random() % models[at].size();
          lists[at].remove(index, pool);
          models[at].erase(models[at].begin() + index);
        }
        break;
      case 1:
        if (random() % 20 == 0) {
          lists[at].clear(pool);
          models[at].clear();
        }
        break;
      case 2:
        if (random() % 10 == 0) {
          const u32 size = random() % (models[at].size() + 1);
          lists[at].truncate(size, pool);
          models[at].resize(size);
        }
        break;
      default:
        lists[at].push(thing(step), pool);
        models[at].push_back(thing(step));
    }
    const std::span<const Thing> items = lists[at].items(std::as_const(pool));
    ASSERT_TRUE(std::equal(items.begin(), items.end(), models[at].begin(), models[at].end()));
  }
}

}  // namespace
}  // namespace gantry
