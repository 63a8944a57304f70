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

TEST(OwnerTags, numbers_and_order_do_not_see_them) {
  PrimaryMap<Thing, int> map;
  const Thing first = map.push(10), second = map.push(20);
  EXPECT_EQ(first.bits() != 0, owner_tag::kEnabled);
  EXPECT_EQ(first, thing(0));
  EXPECT_LT(first, second);
  EXPECT_EQ(second.index(), 1u);
  EXPECT_EQ(PackedOption<Thing>(second), thing(1));
  EXPECT_EQ((*PackedOption<Thing>(second)).bits(), second.bits());
  EXPECT_EQ(map[thing(1)], 20);  // a bare number fits every map
  EXPECT_EQ(map.next_key(), thing(2));
  for (const Thing id : map.keys())
    EXPECT_EQ(id.bits(), id == first ? first.bits() : second.bits());
  EXPECT_EQ(Thing().index(), Thing::kReserved);
  const PrimaryMap<Thing, int> copy = map;
  EXPECT_EQ(copy[second], 20);
}

TEST(OwnerTags, large_numbers_stay_untagged) {
  PrimaryMap<Thing, u8> map;
  map.push(0);
  constexpr u32 kFirstUntagged = 1u << owner_tag::kIndexBits;
  EXPECT_EQ(map.key(kFirstUntagged - 1).index(), kFirstUntagged - 1);
  EXPECT_EQ(map.key(kFirstUntagged).bits(), kFirstUntagged);
}

#if defined(GANTRY_CHECKED)
TEST(OwnerTagsDeathTest, ids_of_another_map_are_refused) {
  PrimaryMap<Thing, int> ours, theirs;
  const Thing mine = ours.push(1), stranger = theirs.push(2);
  EXPECT_FALSE(ours.is_valid(stranger));
  EXPECT_DEATH((void)ours[stranger], "is_valid");
  SecondaryMap<Thing, int> facts;
  EXPECT_EQ(facts[stranger], 0);  // nobody's yet
  facts.set(mine, 5);
  EXPECT_DEATH((void)facts[stranger], "accepts");
  EXPECT_DEATH(facts.set(stranger, 5), "accepts");
  facts.clear();
  facts.set(stranger, 5);
  EntitySet<Thing> set;
  set.insert(mine);
  EXPECT_DEATH((void)set.contains(stranger), "accepts");
  SparseMap<Thing, int> few;
  few.insert(mine, 1);
  EXPECT_DEATH((void)few.find(stranger), "accepts");
}

TEST(OwnerTagsDeathTest, clearing_ends_an_ownership) {
  PrimaryMap<Thing, int> map;
  const Thing before = map.push(1);
  map.clear();
  const Thing after = map.push(2);
  EXPECT_EQ(map[after], 2);
  EXPECT_DEATH((void)map[before], "is_valid");
}

TEST(MovingVector, references_die_at_the_next_push) {
  PrimaryMap<Thing, int> map;
  map.reserve(16);
  const int* const before = &map[map.push(1)];
  map.push(2);
  EXPECT_NE(before, &map[thing(0)]);
}
#endif

}  // namespace
}  // namespace gantry
