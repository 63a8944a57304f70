#pragma once
// Which map issued an id, in bits that numbers do not use (docs/adr/0060-owner-tags.md). In checked
// builds bits 31..30 of an id are 01 if it is tagged; then 29..23 are the tag of the map and 22..0
// the number. Numbers from 2^23 on stay untagged, and so do ids made from a bare number: those fit
// every map. Release builds have no tags: all of this is the identity there.
#include "gantry/support/check.h"
#include "gantry/support/int_types.h"

namespace gantry::owner_tag {

#if defined(GANTRY_CHECKED)
inline constexpr bool kEnabled = true;
#else
inline constexpr bool kEnabled = false;
#endif
inline constexpr u32 kIndexBits = 23;
inline constexpr u32 kTags = 127;  // 1..127; 0 is "no tag"

// Without a tag the pattern stands for itself: small numbers with bit 30 set are not ids
// (ir/inst_data.h).
constexpr bool is_tagged(u32 bits) {
  return kEnabled && (bits >> 30) == 1 && ((bits >> kIndexBits) & kTags) != 0;
}
constexpr u32 index_of(u32 bits) {
  return is_tagged(bits) ? bits & ((1u << kIndexBits) - 1) : bits;
}

// What a map knows of owners. Takes no room in release as a [[no_unique_address]] member.
template <bool enabled = kEnabled>
class Owner {
 public:
  // The id's bits for `index` of this owner.
  constexpr u32 bits(u32 index) const {
    return tag_ == 0 || index >> kIndexBits != 0 ? index : 1u << 30 | tag_ << kIndexBits | index;
  }
  constexpr bool accepts(u32 bits) const {
    return tag_ == 0 || !is_tagged(bits) || ((bits >> kIndexBits) & kTags) == tag_;
  }
  // Becomes an owner of its own: `counter` is the number of owners of this kind so far.
  void issue(u32& counter) {
    tag_ = __atomic_fetch_add(&counter, 1u, __ATOMIC_RELAXED) % kTags + 1;
  }
  // Takes the owner of the first tagged id it meets.
  void learn(u32 bits) {
    if (tag_ == 0 && is_tagged(bits)) tag_ = (bits >> kIndexBits) & kTags;
  }
  void forget() { tag_ = 0; }

 private:
  u32 tag_ = 0;
};

template <>
class Owner<false> {
 public:
  constexpr u32 bits(u32 index) const { return index; }
  constexpr bool accepts(u32) const { return true; }
  void issue(u32&) {}
  void learn(u32) {}
  void forget() {}
};

}  // namespace gantry::owner_tag
