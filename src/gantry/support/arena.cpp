// Problem: passes need many small arrays of unknown size. Idea: a chain of blocks, each at least
// twice the last (capped), bump-allocated; reset goes back to the first block and reuses the chain
// in order. Invariant: cursor_ and end_ lie in current_, blocks before current_ are full, blocks
// after it are empty.
#include "gantry/support/arena.h"

#include <algorithm>
#include <cstdlib>

namespace gantry {
namespace {
constexpr usize kFirstBlockBytes = usize{64} << 10;
constexpr usize kMaxBlockBytes = usize{8} << 20;
}  // namespace

Arena::~Arena() {
  for (Block* block = first_; block != nullptr;) {
    Block* next = block->next;
    std::free(block);
    block = next;
  }
}

void Arena::enter(Block* block) {
  current_ = block;
  cursor_ = reinterpret_cast<usize>(block + 1);
  end_ = cursor_ + block->size;
}

void Arena::reset() {
  if (first_ != nullptr) enter(first_);
}

void* Arena::allocate_slow(usize size, usize align) {
  while (current_ != nullptr && current_->next != nullptr) {
    enter(current_->next);
    const usize at = (cursor_ + align - 1) & ~(align - 1);
    if (at + size <= end_) {
      cursor_ = at + size;
      return reinterpret_cast<void*>(at);
    }
  }
  const usize last = current_ == nullptr ? kFirstBlockBytes / 2 : current_->size;
  const usize wanted =
      std::max(std::clamp(last * 2, kFirstBlockBytes, kMaxBlockBytes), size + align);
  Block* block = static_cast<Block*>(std::malloc(sizeof(Block) + wanted));
  GANTRY_CHECK(block != nullptr);
  block->next = nullptr;
  block->size = wanted;
  bytes_reserved_ += wanted;
  (current_ == nullptr ? first_ : current_->next) = block;
  enter(block);
  const usize at = (cursor_ + align - 1) & ~(align - 1);
  cursor_ = at + size;
  return reinterpret_cast<void*>(at);
}

}  // namespace gantry
