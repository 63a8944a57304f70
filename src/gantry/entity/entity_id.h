#pragma once
// A dense 32-bit name for one entity of a function. `Self` makes each kind a distinct type;
// `Prefix` is how the text format spells it, so dumps and debuggers agree. An id is always valid:
// "maybe" is PackedOption in memory and std::optional in signatures. In checked builds an id also
// knows which map issued it.
#include <compare>
#include <optional>
#include <string_view>

#include "gantry/entity/owner_tag.h"
#include "gantry/support/check.h"
#include "gantry/support/fixed_string.h"
#include "gantry/support/int_types.h"

namespace gantry {

template <class K>
class PackedOption;

template <class Self, FixedString Prefix>
class EntityId {
 public:
  static constexpr std::string_view kPrefix = Prefix.view();
  static constexpr u32 kReserved = ~u32{0};  // never issued; PackedOption's "none"

  static constexpr Self from_index(u32 index) {
    GANTRY_DCHECK(index < kReserved);
    return from_bits(index);
  }
  constexpr u32 index() const { return owner_tag::index_of(bits_); }
  friend constexpr auto operator<=>(EntityId a, EntityId b) { return a.index() <=> b.index(); }
  friend constexpr bool operator==(EntityId a, EntityId b) { return a.index() == b.index(); }

  // The id with its owner tag; the index itself in release. For maps, and for what keeps ids in
  // words of its own.
  constexpr u32 bits() const { return bits_; }
  static constexpr Self from_bits(u32 bits) {
    Self id;
    id.bits_ = bits;
    return id;
  }

 protected:
  u32 bits_ = kReserved;
  constexpr EntityId() = default;
};

// Declares the id type `Name`, written `prefixN` in text. Default construction is private to maps
// and containers of this component, which need a filler that is never read.
#define GANTRY_ENTITY(Name, prefix)                      \
  class Name : public ::gantry::EntityId<Name, prefix> { \
    friend class ::gantry::EntityId<Name, prefix>;       \
    template <class T>                                   \
    friend class ::gantry::PackedOption;                 \
                                                         \
   public:                                               \
    constexpr Name() = default;                          \
  };                                                     \
  static_assert(sizeof(Name) == 4)

// An optional id in four bytes.
template <class K>
class PackedOption {
 public:
  constexpr PackedOption() = default;
  constexpr PackedOption(K id) : bits_(id.bits()) {}  // NOLINT: implicit by design
  constexpr bool has_value() const { return bits_ != K::kReserved; }
  constexpr explicit operator bool() const { return has_value(); }
  constexpr K operator*() const {
    GANTRY_DCHECK(has_value());
    return K::from_bits(bits_);
  }
  constexpr std::optional<K> expand() const {
    return has_value() ? std::optional<K>(K::from_bits(bits_)) : std::nullopt;
  }
  constexpr void reset() { bits_ = K::kReserved; }
  friend constexpr bool operator==(PackedOption a, PackedOption b) {
    return owner_tag::index_of(a.bits_) == owner_tag::index_of(b.bits_);
  }
  friend constexpr bool operator==(PackedOption option, K id) {
    return owner_tag::index_of(option.bits_) == id.index();
  }

 private:
  u32 bits_ = K::kReserved;
};

}  // namespace gantry
