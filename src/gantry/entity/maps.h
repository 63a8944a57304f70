#pragma once
// The dense containers every pass works with. References into them die at the next push. In checked
// builds ids know the map that issued them: a PrimaryMap refuses those of another, and what holds
// facts about entities refuses ids of a second owner until it is cleared.
#include <span>
#include <vector>

#include "gantry/entity/entity_id.h"
#include "gantry/entity/moving_vector.h"
#include "gantry/entity/owner_tag.h"

namespace gantry {

// Range-for over the ids [0, count).
template <class K>
class IdRange {
 public:
  struct Iterator {
    u32 index;
    [[no_unique_address]] owner_tag::Owner<> owner;
    K operator*() const { return K::from_bits(owner.bits(index)); }
    Iterator& operator++() {
      ++index;
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.index == b.index; }
  };
  explicit IdRange(u32 count, owner_tag::Owner<> owner = {}) : count_(count), owner_(owner) {}
  Iterator begin() const { return {0, owner_}; }
  Iterator end() const { return {count_, owner_}; }

 private:
  u32 count_;
  [[no_unique_address]] owner_tag::Owner<> owner_;
};

// Owns the entities of one kind and hands out their ids. Exactly one per id type and function.
template <class K, class V>
class PrimaryMap {
 public:
  K push(V value) {
    if (values_.empty()) owner_.issue(owners_);
    move_before_growth(values_);
    values_.push_back(std::move(value));
    return key(size() - 1);
  }
  // The id the next push will return.
  K next_key() const { return key(size()); }
  // The id of number `index`.
  K key(u32 index) const { return K::from_bits(owner_.bits(index)); }
  V& operator[](K id) {
    GANTRY_DCHECK(is_valid(id));
    return values_[id.index()];
  }
  const V& operator[](K id) const {
    GANTRY_DCHECK(is_valid(id));
    return values_[id.index()];
  }
  bool is_valid(K id) const { return id.index() < values_.size() && accepts(id); }
  // Whether `id` may be one of this map's, going by its owner; always in release.
  bool accepts(K id) const { return owner_.accepts(id.bits()); }
  u32 size() const { return static_cast<u32>(values_.size()); }
  bool empty() const { return values_.empty(); }
  IdRange<K> keys() const { return IdRange<K>(size(), owner_); }
  std::span<V> values() { return values_; }
  std::span<const V> values() const { return values_; }
  void reserve(u32 count) { values_.reserve(count); }
  void clear() {  // keeps capacity
    values_.clear();
    owner_.forget();
  }

 private:
  static inline u32 owners_ = 0;  // counts only in checked builds

  MovingVector<V> values_;
  [[no_unique_address]] owner_tag::Owner<> owner_;
};

// Facts about entities owned elsewhere. Reading past the end gives the default and never grows.
template <class K, class V>
class SecondaryMap {
 public:
  SecondaryMap() = default;
  explicit SecondaryMap(V fallback) : fallback_(fallback) {}

  const V& operator[](K id) const {
    GANTRY_DCHECK(owner_.accepts(id.bits()));
    return id.index() < values_.size() ? values_[id.index()] : fallback_;
  }
  // Grows to hold `id`.
  V& at_or_grow(K id) {
    GANTRY_DCHECK(owner_.accepts(id.bits()));
    owner_.learn(id.bits());
    if (id.index() >= values_.size()) [[unlikely]]
      grow(id.index() + 1);
    return values_[id.index()];
  }
  void set(K id, V value) { at_or_grow(id) = std::move(value); }
  // Direct access for an id known to be inside, as after resize().
  V& in_range(K id) {
    GANTRY_DCHECK(id.index() < values_.size() && owner_.accepts(id.bits()));
    owner_.learn(id.bits());
    return values_[id.index()];
  }
  void resize(u32 count) { values_.resize(count, fallback_); }
  u32 size() const { return static_cast<u32>(values_.size()); }
  std::span<const V> values() const { return values_; }
  void clear() {  // keeps capacity
    values_.clear();
    owner_.forget();
  }
  // All entries become the default, for `count` ids.
  void reset(u32 count) {
    values_.assign(count, fallback_);
    owner_.forget();
  }

 private:
  void grow(u32 count) {
    if (count > values_.capacity()) values_.reserve(count + count / 2 + 16);
    move_before_growth(values_);
    values_.resize(count, fallback_);
  }
  MovingVector<V> values_;
  V fallback_{};
  [[no_unique_address]] owner_tag::Owner<> owner_;
};

// A set of entities: a bit each. clear() is O(words), and keeps the memory.
template <class K>
class EntitySet {
 public:
  bool contains(K id) const {
    GANTRY_DCHECK(owner_.accepts(id.bits()));
    const u32 word = id.index() / 64;
    return word < words_.size() && ((words_[word] >> (id.index() % 64)) & 1) != 0;
  }
  // True if `id` was not in the set before.
  bool insert(K id) {
    GANTRY_DCHECK(owner_.accepts(id.bits()));
    owner_.learn(id.bits());
    const u32 word = id.index() / 64;
    if (word >= words_.size()) words_.resize(word + 1 + word / 2);
    const u64 bit = u64{1} << (id.index() % 64);
    const bool added = (words_[word] & bit) == 0;
    words_[word] |= bit;
    return added;
  }
  void remove(K id) {
    GANTRY_DCHECK(owner_.accepts(id.bits()));
    const u32 word = id.index() / 64;
    if (word < words_.size()) words_[word] &= ~(u64{1} << (id.index() % 64));
  }
  void clear() {
    words_.assign(words_.size(), 0);
    owner_.forget();
  }

 private:
  std::vector<u64> words_;
  [[no_unique_address]] owner_tag::Owner<> owner_;
};

// Few entries among many ids: look-up, insert and clear in time of the entries (Briggs and Torczon
// 1993).
template <class K, class V>
class SparseMap {
 public:
  struct Entry {
    K key;
    V value;
  };
  V* find(K id) {
    GANTRY_DCHECK(owner_.accepts(id.bits()));
    const u32 at = id.index() < sparse_.size() ? sparse_[id.index()] : 0;
    return at < dense_.size() && dense_[at].key == id ? &dense_[at].value : nullptr;
  }
  void insert(K id, V value) {
    if (V* found = find(id)) {
      *found = std::move(value);
      return;
    }
    owner_.learn(id.bits());
    if (id.index() >= sparse_.size()) sparse_.resize(id.index() + 1 + id.index() / 2);
    sparse_[id.index()] = static_cast<u32>(dense_.size());
    dense_.push_back({id, std::move(value)});
  }
  std::span<const Entry> entries() const { return dense_; }
  void clear() {
    dense_.clear();
    owner_.forget();
  }

 private:
  std::vector<u32> sparse_;
  std::vector<Entry> dense_;
  [[no_unique_address]] owner_tag::Owner<> owner_;
};

}  // namespace gantry
