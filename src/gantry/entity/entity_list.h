#pragma once
// Many short lists of ids (or other 4-byte items) in one pool, each named by a 4-byte handle. A
// handle is meaningless without its pool. Lists of at most 3 items take a 16-byte block, then sizes
// double; freed blocks are reused. Clearing the pool frees all lists at once.
#include <cstring>
#include <span>

#include "gantry/entity/moving_vector.h"
#include "gantry/support/check.h"
#include "gantry/support/int_types.h"

namespace gantry {

template <class T>
class ListPool;

template <class T>
class EntityList {
  static_assert(sizeof(T) == 4 && std::is_trivially_copyable_v<T>);

 public:
  constexpr EntityList() = default;
  bool empty() const { return block_ == 0; }
  std::span<const T> items(const ListPool<T>& pool) const { return pool.items(block_); }
  std::span<T> items(ListPool<T>& pool) const { return pool.items(block_); }
  u32 size(const ListPool<T>& pool) const { return static_cast<u32>(pool.items(block_).size()); }
  T get(u32 index, const ListPool<T>& pool) const { return items(pool)[index]; }

  void push(T item, ListPool<T>& pool) { block_ = pool.push(block_, item); }
  void assign(std::span<const T> items, ListPool<T>& pool) { block_ = pool.assign(block_, items); }
  void append(std::span<const T> items, ListPool<T>& pool) {
    for (const T item : items) push(item, pool);
  }
  // Removes the item at `index`, keeping the order of the others.
  void remove(u32 index, ListPool<T>& pool) { block_ = pool.remove(block_, index); }
  // Keeps the first `size` items.
  void truncate(u32 size, ListPool<T>& pool) { block_ = pool.truncate(block_, size); }
  void clear(ListPool<T>& pool) { block_ = pool.assign(block_, {}); }

  // For storing the handle in untyped instruction words.
  constexpr u32 raw() const { return block_; }
  static constexpr EntityList from_raw(u32 raw) {
    EntityList list;
    list.block_ = raw;
    return list;
  }

 private:
  u32 block_ = 0;  // index of the first item in the pool's words; the word before it is the length
};

template <class T>
class ListPool {
 public:
  ListPool() { words_.resize(1); }

  std::span<const T> items(u32 block) const {
    if (block == 0) return {};
    return {reinterpret_cast<const T*>(words_.data() + block), words_[block - 1]};
  }
  std::span<T> items(u32 block) {
    if (block == 0) return {};
    return {reinterpret_cast<T*>(words_.data() + block), words_[block - 1]};
  }
  void clear() {
    words_.resize(1);
    for (u32& head : free_) head = 0;
  }
  usize capacity_words() const { return words_.size(); }

 private:
  friend class EntityList<T>;
  static constexpr u32 kClasses = 30;

  static u32 class_for(u32 length) {  // block of 4 << class words holds (4 << class) - 1 items
    u32 size_class = 0;
    while (((4u << size_class) - 1) < length) ++size_class;
    return size_class;
  }
  u32 allocate(u32 size_class) {
    if (free_[size_class] != 0) {
      const u32 block = free_[size_class];
      free_[size_class] = words_[block];
      return block;
    }
    const u32 block = static_cast<u32>(words_.size()) + 1;
    move_before_growth(words_);
    words_.resize(words_.size() + (4u << size_class));
    return block;
  }
  void release(u32 block, u32 size_class) {
    words_[block] = free_[size_class];
    free_[size_class] = block;
  }
  u32 assign(u32 block, std::span<const T> items) {
    const u32 length = static_cast<u32>(items.size());
    if (length == 0) {
      if (block != 0) release(block, class_for(words_[block - 1]));
      return 0;
    }
    const u32 wanted = class_for(length);
    if (block != 0 && class_for(words_[block - 1]) != wanted) {
      GANTRY_DCHECK(items.data() < reinterpret_cast<const T*>(words_.data()) ||
                    items.data() >= reinterpret_cast<const T*>(words_.data() + words_.size()));
      release(block, class_for(words_[block - 1]));
      block = 0;
    }
    if (block == 0) block = allocate(wanted);
    words_[block - 1] = length;
    std::memcpy(words_.data() + block, items.data(), length * sizeof(T));
    return block;
  }
  u32 push(u32 block, T item) {
    const u32 length = block == 0 ? 0 : words_[block - 1];
    const u32 old_class = class_for(length);
    if (block == 0) {
      block = allocate(0);
    } else if (class_for(length + 1) != old_class) {
      const u32 grown = allocate(old_class + 1);
      std::memcpy(words_.data() + grown, words_.data() + block, length * sizeof(u32));
      release(block, old_class);
      block = grown;
    }
    words_[block - 1] = length + 1;
    std::memcpy(words_.data() + block + length, &item, sizeof item);
    return block;
  }
  u32 remove(u32 block, u32 index) {
    const u32 length = words_[block - 1];
    GANTRY_DCHECK(index < length);
    const u32 old_class = class_for(length);
    std::memmove(words_.data() + block + index, words_.data() + block + index + 1,
                 (length - index - 1) * sizeof(u32));
    if (length == 1) {
      release(block, old_class);
      return 0;
    }
    words_[block - 1] = length - 1;
    if (class_for(length - 1) != old_class) {
      const u32 shrunk = allocate(old_class - 1);
      std::memcpy(words_.data() + shrunk, words_.data() + block, (length - 1) * sizeof(u32));
      words_[shrunk - 1] = length - 1;
      release(block, old_class);
      return shrunk;
    }
    return block;
  }

  u32 truncate(u32 block, u32 length) {
    if (block == 0) return 0;
    GANTRY_DCHECK(length <= words_[block - 1]);
    const u32 old_class = class_for(words_[block - 1]);
    if (length == 0) {
      release(block, old_class);
      return 0;
    }
    words_[block - 1] = length;
    const u32 new_class = class_for(length);
    if (new_class == old_class) return block;
    const u32 shrunk = allocate(new_class);
    std::memcpy(words_.data() + shrunk, words_.data() + block, length * sizeof(u32));
    words_[shrunk - 1] = length;
    release(block, old_class);
    return shrunk;
  }

  MovingVector<u32> words_;
  u32 free_[kClasses] = {};
};

}  // namespace gantry
