#pragma once
// The context of compiled random programs: the made-up host of random_host.h behind the real
// interface.
#include <cstdint>
#include <vector>

#include "random_host.h"
#include "rules.h"

namespace rules = isle_rules;

class RandomContext final {
 public:
  struct em_Cursor {
    std::uint64_t hash;
    unsigned next;
  };
  using mq_Cursor = em_Cursor;
  RANDOM_CONTEXT_METHODS
  V C0() { return V::from_bits(random_host::kValues - 1); }
  V C1() { return V::from_bits(random_host::kValues - 2); }

  std::vector<std::uint64_t> effects;

  static std::uint64_t hash(V v) { return random_host::combine(7, v.bits()); }
  static std::uint64_t hash(std::uint8_t v) { return random_host::combine(7, v); }
  static std::uint64_t hash(rules::K v) {
    return random_host::combine(7, static_cast<std::uint64_t>(v));
  }
  static std::uint64_t hash(const rules::S& s) {
    return random_host::combine(random_host::combine(random_host::combine(11, 0), hash(s.f0)),
                                hash(s.f1));
  }
  static std::uint64_t hash(const rules::E& e) {
    std::uint64_t h = random_host::combine(11, static_cast<std::uint64_t>(e.kind()));
    switch (e.kind()) {
      case rules::E::Kind::X:
        return random_host::combine(random_host::combine(h, hash(e.X_a())), hash(e.X_b()));
      case rules::E::Kind::Y:
        return random_host::combine(h, hash(e.Y_k()));
      case rules::E::Kind::Z:
        return h;
      case rules::E::Kind::W:
        return random_host::combine(h, hash(e.W_0()));
    }
    return h;
  }
  static V make_v(std::uint64_t bits) { return V::from_bits(bits % random_host::kValues); }
  static std::uint8_t make_u8(std::uint64_t bits) {
    return static_cast<std::uint8_t>(bits % random_host::kNumbers);
  }
  static rules::K make_k(std::uint64_t bits) { return static_cast<rules::K>(bits % 3); }
  static rules::S make_s(std::uint64_t bits) {
    return rules::S{make_v(random_host::output(bits, 0)), make_u8(random_host::output(bits, 1))};
  }
  static rules::E make_e(std::uint64_t bits) {
    switch (bits % 4) {
      case 0:
        return rules::E::make_X(make_u8(random_host::output(bits, 0)),
                                make_v(random_host::output(bits, 1)));
      case 1:
        return rules::E::make_Y(make_k(random_host::output(bits, 0)));
      case 2:
        return rules::E::make_Z();
      default:
        return rules::E::make_W(make_s(random_host::output(bits, 0)));
    }
  }

 private:
  std::uint64_t impure(std::uint64_t h) {
    effects.push_back(h);
    return h;
  }
};
