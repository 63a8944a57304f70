#pragma once
// Memory for everything that dies together. No destructors run, so only trivially destructible
// types may live here. Blocks are kept on reset(), so a pass that runs on every function allocates
// only once.
#include <cstring>
#include <span>
#include <type_traits>

#include "gantry/support/check.h"
#include "gantry/support/int_types.h"

namespace gantry {

class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Uninitialised memory for `count` objects.
  template <class T>
  T* allocate(usize count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate_bytes(count * sizeof(T), alignof(T)));
  }
  // The same, filled with `value`.
  template <class T>
  std::span<T> allocate_filled(usize count, T value) {
    T* items = allocate<T>(count);
    for (usize i = 0; i < count; ++i) items[i] = value;
    return {items, count};
  }
  template <class T>
  std::span<T> copy(std::span<const T> items) {
    static_assert(std::is_trivially_copyable_v<T>);
    T* copied = allocate<T>(items.size());
    if (!items.empty()) std::memcpy(copied, items.data(), items.size_bytes());
    return {copied, items.size()};
  }

  // Forgets all objects, keeps the memory.
  void reset();
  usize bytes_reserved() const { return bytes_reserved_; }

 private:
  struct Block {
    Block* next;
    usize size;  // bytes after this header
  };
  void* allocate_bytes(usize size, usize align) {
    const usize at = (cursor_ + align - 1) & ~(align - 1);
    if (at + size <= end_ && at >= cursor_) [[likely]] {
      cursor_ = at + size;
      return reinterpret_cast<void*>(at);
    }
    return allocate_slow(size, align);
  }
  void* allocate_slow(usize size, usize align);
  void enter(Block* block);

  usize cursor_ = 0;
  usize end_ = 0;
  Block* first_ = nullptr;
  Block* current_ = nullptr;
  usize bytes_reserved_ = 0;
};

}  // namespace gantry
