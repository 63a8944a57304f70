#pragma once
// The vector the maps are made of. In checked builds it moves at every growth while it is small,
// and fills storage it leaves with 0xcd: a reference held across a push is wrong at once, not once
// in a thousand functions. In release it is std::vector.
#include <cstring>
#include <vector>

#include "gantry/support/int_types.h"

namespace gantry {

#if defined(GANTRY_CHECKED)

template <class T>
struct PoisoningAllocator {
  using value_type = T;
  PoisoningAllocator() = default;
  template <class U>
  PoisoningAllocator(const PoisoningAllocator<U>&) {}  // NOLINT: allocators convert
  T* allocate(usize count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* at, usize count) {
    std::memset(static_cast<void*>(at), 0xcd, count * sizeof(T));
    asm volatile(""
                 :
                 : "r"(at)
                 : "memory");  // stores into storage about to be freed may not be dropped
    std::allocator<T>().deallocate(at, count);
  }
  friend bool operator==(PoisoningAllocator, PoisoningAllocator) { return true; }
};

template <class T>
using MovingVector = std::vector<T, PoisoningAllocator<T>>;

inline constexpr usize kMovesBelow =
    64;  // larger ones move as std::vector does, so that growth stays linear

// Call before each growth by one.
template <class T>
void move_before_growth(MovingVector<T>& values) {
  if (values.size() >= kMovesBelow || values.size() == values.capacity()) return;
  MovingVector<T> moved;
  moved.reserve(values.capacity());
  for (T& value : values) moved.push_back(static_cast<T&&>(value));
  values.swap(moved);
}

#else

template <class T>
using MovingVector = std::vector<T>;

template <class T>
void move_before_growth(MovingVector<T>&) {}

#endif

}  // namespace gantry
