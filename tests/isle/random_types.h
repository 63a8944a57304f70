#pragma once
// The opaque type of random programs: like an entity id, it has no default constructor.
#include <cstdint>

class V {
 public:
  explicit V(int literal) : bits_(static_cast<std::uint64_t>(literal)) {}
  static V from_bits(std::uint64_t bits) { return V(static_cast<int>(bits)); }
  std::uint64_t bits() const { return bits_; }
  friend bool operator==(const V&, const V&) = default;

 private:
  std::uint64_t bits_;
};
