#pragma once
// The dense containers every pass works with. References into them die at the next push.
#include <span>
#include <vector>

#include "gantry/entity/entity_id.h"

namespace gantry {

// Range-for over the ids [0, count).
template <class K>
class IdRange {
 public:
  struct Iterator {
    u32 index;
    K operator*() const { return K::from_index(index); }
    Iterator& operator++() {
      ++index;
      return *this;
    }
    friend bool operator==(Iterator, Iterator) = default;
  };
  explicit IdRange(u32 count) : count_(count) {}
  Iterator begin() const { return {0}; }
  Iterator end() const { return {count_}; }

 private:
  u32 count_;
};

// Owns the entities of one kind and hands out their ids. Exactly one per id type and function.
template <class K, class V>
class PrimaryMap {
 public:
  K push(V value) {
    values_.push_back(std::move(value));
    return K::from_index(static_cast<u32>(values_.size() - 1));
  }
  // The id the next push will return.
  K next_key() const { return K::from_index(size()); }
  V& operator[](K id) {
    GANTRY_DCHECK(id.index() < values_.size());
    return values_[id.index()];
  }
  const V& operator[](K id) const {
    GANTRY_DCHECK(id.index() < values_.size());
    return values_[id.index()];
  }
  bool is_valid(K id) const { return id.index() < values_.size(); }
  u32 size() const { return static_cast<u32>(values_.size()); }
  bool empty() const { return values_.empty(); }
  IdRange<K> keys() const { return IdRange<K>(size()); }
  std::span<V> values() { return values_; }
  std::span<const V> values() const { return values_; }
  void reserve(u32 count) { values_.reserve(count); }
  void clear() { values_.clear(); }  // keeps capacity

 private:
  std::vector<V> values_;
};

// Facts about entities owned elsewhere. Reading past the end gives the default and never grows.
template <class K, class V>
class SecondaryMap {
 public:
  SecondaryMap() = default;
  explicit SecondaryMap(V fallback) : fallback_(fallback) {}

  const V& operator[](K id) const { return id.index() < values_.size() ? values_[id.index()] : fallback_; }
  // Grows to hold `id`.
  V& at_or_grow(K id) {
    if (id.index() >= values_.size()) [[unlikely]] grow(id.index() + 1);
    return values_[id.index()];
  }
  void set(K id, V value) { at_or_grow(id) = std::move(value); }
  // Direct access for an id known to be inside, as after resize().
  V& in_range(K id) {
    GANTRY_DCHECK(id.index() < values_.size());
    return values_[id.index()];
  }
  void resize(u32 count) { values_.resize(count, fallback_); }
  u32 size() const { return static_cast<u32>(values_.size()); }
  std::span<const V> values() const { return values_; }
  void clear() { values_.clear(); }  // keeps capacity
  // All entries become the default, for `count` ids.
  void reset(u32 count) { values_.assign(count, fallback_); }

 private:
  void grow(u32 count) {
    if (count > values_.capacity()) values_.reserve(count + count / 2 + 16);
    values_.resize(count, fallback_);
  }
  std::vector<V> values_;
  V fallback_{};
};

// A set of entities: a bit each. clear() is O(words), and keeps the memory.
template <class K>
class EntitySet {
 public:
  bool contains(K id) const {
    const u32 word = id.index() / 64;
    return word < words_.size() && ((words_[word] >> (id.index() % 64)) & 1) != 0;
  }
  // True if `id` was not in the set before.
  bool insert(K id) {
    const u32 word = id.index() / 64;
    if (word >= words_.size()) words_.resize(word + 1 + word / 2);
    const u64 bit = u64{1} << (id.index() % 64);
    const bool added = (words_[word] & bit) == 0;
    words_[word] |= bit;
    return added;
  }
  void remove(K id) {
    const u32 word = id.index() / 64;
    if (word < words_.size()) words_[word] &= ~(u64{1} << (id.index() % 64));
  }
  void clear() { words_.assign(words_.size(), 0); }

 private:
  std::vector<u64> words_;
};

// Few entries among many ids: look-up, insert and clear in time of the entries (Briggs and Torczon 1993).
template <class K, class V>
class SparseMap {
 public:
  struct Entry {
    K key;
    V value;
  };
  V* find(K id) {
    const u32 at = id.index() < sparse_.size() ? sparse_[id.index()] : 0;
    return at < dense_.size() && dense_[at].key == id ? &dense_[at].value : nullptr;
  }
  void insert(K id, V value) {
    if (V* found = find(id)) {
      *found = std::move(value);
      return;
    }
    if (id.index() >= sparse_.size()) sparse_.resize(id.index() + 1 + id.index() / 2);
    sparse_[id.index()] = static_cast<u32>(dense_.size());
    dense_.push_back({id, std::move(value)});
  }
  std::span<const Entry> entries() const { return dense_; }
  void clear() { dense_.clear(); }

 private:
  std::vector<u32> sparse_;
  std::vector<Entry> dense_;
};

}  // namespace gantry
