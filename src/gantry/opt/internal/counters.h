#pragma once
// Counters of loops in finished CLIF: parameters of a loop's head that every edge closing the loop
// steps by one constant, and between which numbers they stay.
#include "gantry/analysis/flow.h"
#include "gantry/opt/run_egraph.h"

namespace gantry::opt {

// Numbers from lo to hi. Of values of at most 32 bits: their sums and products are exact here.
struct Interval {
  i64 lo = 0, hi = 0;
  bool contains(i64 number) const { return lo <= number && number <= hi; }
  bool contains(const Interval& other) const { return lo <= other.lo && other.hi <= hi; }
};

// The numbers a value can be, read as a signed and as an unsigned one.
struct Ranges {
  Interval as_signed, as_unsigned;
  // Types of at most 32 bits.
  static constexpr bool tracks(ir::Type type) {
    return type == ir::kI8 || type == ir::kI16 || type == ir::kI32;
  }
  static Ranges of(ir::Type type);
  // Also in the unsigned range of `facts`.
  void narrow(const Facts& facts, ir::Type type);
  // Each reading says something about the other where all numbers have one sign bit.
  void exchange(ir::Type type);
};

struct Counter {
  ir::Value param;
  ir::Type type;
  u32 index = 0;  // of the parameter
  i64 step = 0;   // not 0
  ir::Value init;
  // The next value, if all edges that close the loop pass the same one.
  PackedOption<ir::Value> next;
  // Of types that Ranges::tracks: whether the counter, read so, is its first value plus the rounds
  // times the step as integers: the addition never leaves the type.
  bool is_exact_signed = false, is_exact_unsigned = false;
  Ranges range;    // wherever the loop is
  Ranges guarded;  // in blocks that Loop::guard dominates
};

// What one loop looks like from outside.
struct LoopShape {
  PackedOption<ir::Block> header;  // none: not a loop that passes can change
  ir::Block
      preheader;   // leaves for the header by the only edge from outside; may also go elsewhere
  ir::Inst entry;  // its branch
  PackedOption<ir::Block> guard;  // entered only from the head's test, and on the way to every edge
                                  // that closes the loop
  bool goes_on_if = false;        // what the head's condition is where the guard is entered
};

class CounterFinder {
 public:
  CounterFinder(const ir::Function& func, const analysis::ControlFlow& flow,
                const analysis::DominatorTree& tree, const KnownFacts& facts)
      : func_(func), dfg_(func.dfg), flow_(flow), tree_(tree), facts_(facts) {}

  // False if the loop has several ways in, or ways that are never taken.
  bool find_shape(ir::Block header, LoopShape& shape) const;
  // Whether parameter `index` of the header is a counter.
  bool find(const LoopShape& shape, u32 index, Counter& counter) const;

  Ranges ranges_of(ir::Value value) const;
  std::optional<u64> constant(ir::Value value) const;

 private:
  struct Bound {
    bool known = false;
    i64 last = 0;  // the tested value is at most (counting up) or at least this where the loop goes
                   // on
    bool tests_next = false;
    bool meets = false;  // by inequality: the counter comes by the limit
  };
  Bound bound_of(ir::Value condition, bool holds, const Counter& counter, ir::Value next,
                 const Ranges& first, bool is_signed) const;
  bool stays_exact(const LoopShape& shape, const Counter& counter, const Ranges& first,
                   bool is_signed, Interval& all, Interval& guarded) const;

  const ir::Function& func_;
  const ir::DataFlowGraph& dfg_;
  const analysis::ControlFlow& flow_;
  const analysis::DominatorTree& tree_;
  const KnownFacts& facts_;
};

}  // namespace gantry::opt
