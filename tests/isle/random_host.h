#pragma once
// What the made-up host of random programs computes. Plain functions of numbers, so that the judges
// and compiled programs agree on it.
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace random_host {

inline std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
inline std::uint64_t combine(std::uint64_t seed, std::uint64_t value) {
  return mix(seed * 31 + value + 1);
}
inline std::uint64_t hash_name(std::string_view name) {
  std::uint64_t hash = name.size();
  for (const char c : name) hash = combine(hash, static_cast<unsigned char>(c));
  return hash;
}
template <class Range>
std::uint64_t call(std::string_view name, const Range& args) {
  std::uint64_t hash = hash_name(name);
  for (const std::uint64_t arg : args) hash = combine(hash, arg);
  return hash;
}
inline std::uint64_t call(std::string_view name, std::initializer_list<std::uint64_t> args) {
  return call<std::initializer_list<std::uint64_t>>(name, args);
}
inline bool succeeds(std::uint64_t hash) { return (hash >> 40) % 4 != 0; }
inline std::uint64_t output(std::uint64_t hash, unsigned index) {
  return combine(hash, 1000 + index);
}
inline unsigned count(std::uint64_t hash) { return static_cast<unsigned>((hash >> 20) % 3); }
inline std::uint64_t item(std::uint64_t hash, unsigned index) {
  return combine(hash, 2000 + index);
}
inline constexpr unsigned kValues =
    8;  // of the opaque type V; literals use the first, constants the last
inline constexpr unsigned kNumbers = 3;  // of u8

}  // namespace random_host
