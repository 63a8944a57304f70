#pragma once
// Counts how often each rule of the compiled ISLE programs fires, in builds configured with
// GANTRY_RULE_COVERAGE (docs/how-to/cover-the-rules.md). Other builds compile none of it into the
// rules. A program of rules is a RuleSet that lasts as long as the process; sets find each other
// through a list, so what reports need not know them.
#include "gantry/support/int_types.h"

namespace gantry {

struct RuleInfo {
  const char* name;  // empty if the rule has none
  const char* term;
  const char* file;
  unsigned line;
};

class RuleSet {
 public:
  // For objects with static lifetime. `counts` has a zero for each of the `size` rules.
  RuleSet(const char* name, RuleInfo (*info)(u32 number), u64* counts, u32 size);
  RuleSet(const RuleSet&) = delete;
  RuleSet& operator=(const RuleSet&) = delete;

  const char* name() const { return name_; }
  u32 size() const { return size_; }
  RuleInfo rule(u32 number) const { return info_(number); }
  u64 count(u32 number) const { return __atomic_load_n(&counts_[number], __ATOMIC_RELAXED); }
  void fired(u32 number) { __atomic_fetch_add(&counts_[number], 1u, __ATOMIC_RELAXED); }
  const RuleSet* next() const { return next_; }

  static const RuleSet* first();
  // From here on, children of this process count into the same numbers. False if there is no memory
  // for it.
  static bool share_with_children();

 private:
  const char* name_;
  RuleInfo (*info_)(u32);
  u64* counts_;
  u32 size_;
  RuleSet* next_;
};

}  // namespace gantry
