#pragma once
// Hashing for look-up tables. Not for iteration order, not for untrusted keys where collisions
// matter beyond speed: tables that hold input-chosen keys bound their probe length.
#include <cstring>
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry {

constexpr u64 mix_bits(u64 x) {  // the finaliser of splitmix64 (Steele, Lea, Flood 2014)
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr u64 hash_combine(u64 seed, u64 value) {
  return mix_bits(seed * 0x9e3779b97f4a7c15u + value);
}

inline u64 hash_bytes(std::string_view bytes) {
  u64 hash = bytes.size();
  while (bytes.size() >= 8) {
    u64 word;
    std::memcpy(&word, bytes.data(), 8);
    hash = hash_combine(hash, word);
    bytes.remove_prefix(8);
  }
  u64 tail = 0;
  if (!bytes.empty()) std::memcpy(&tail, bytes.data(), bytes.size());  // an empty view may be null
  return hash_combine(hash, tail);
}

}  // namespace gantry
