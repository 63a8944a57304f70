// Problem: which lowering rules does no test fire? Idea: a counter a rule, bumped where the rule's
// right side begins. File tests run in processes of their own, so the counters can move to memory
// that children share. The list of sets is global and so are the counters: like the counters of a
// profiler, they are of the process and not of a compilation, and exist only in builds that count.
#include "gantry/support/rule_coverage.h"

#include <sys/mman.h>

#include <cstring>

namespace gantry {
namespace {
RuleSet* first_set = nullptr;  // set before main by the constructors, and not changed after
}

RuleSet::RuleSet(const char* name, RuleInfo (*info)(u32), u64* counts, u32 size)
    : name_(name), info_(info), counts_(counts), size_(size), next_(first_set) {
  first_set = this;
}

const RuleSet* RuleSet::first() { return first_set; }

bool RuleSet::share_with_children() {
  for (RuleSet* set = first_set; set != nullptr; set = set->next_) {
    const usize bytes = set->size_ * sizeof(u64);
    void* const shared =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return false;
    std::memcpy(shared, set->counts_, bytes);
    set->counts_ = static_cast<u64*>(shared);
  }
  return true;
}

}  // namespace gantry
