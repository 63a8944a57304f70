#pragma once
// Which rules of a term can match the same values, and the errors that follow from it.
#include <vector>

#include "gantry/isle/sites.h"

namespace gantry::isle {

// A symmetric relation between the rules of one set.
class Overlaps {
 public:
  explicit Overlaps(usize rules) : words_((rules + 63) / 64), bits_(rules * words_) {}
  bool contains(usize a, usize b) const {
    return (bits_[a * words_ + b / 64] >> (b % 64) & 1) != 0;
  }
  void add(usize a, usize b) {
    bits_[a * words_ + b / 64] |= u64{1} << (b % 64);
    bits_[b * words_ + a / 64] |= u64{1} << (a % 64);
  }

 private:
  usize words_;
  std::vector<u64> bits_;
};

// Reports overlaps of equal priority and rules that are shadowed by higher ones. Rules of multi
// terms may overlap: for them the relation only says which order is visible. Permutations of one
// rule may overlap, too, and a rule is shadowed only if all of its permutations are.
Overlaps find_overlaps(const TypedProgram& program, const SymbolTable& symbols, const RuleSet& set,
                       Findings& findings);

}  // namespace gantry::isle
