#pragma once
// Rules in normal form: a term's rules share one table of sites, the places values come from, and a
// rule is a list of tests on sites plus what it computes.
#include <span>
#include <unordered_map>
#include <vector>

#include "gantry/isle/sema.h"

namespace gantry::isle {

using SiteId = u32;  // within one term; operands of a site have smaller numbers

struct Site {
  enum class Kind : u8 {
    Arg,        // index: which
    Int,        // value
    Bool,       // value
    Const,      // constant
    Field,      // index of the fields of `variant` of site `source`
    Output,     // index of the results of the call `source`
    Extract,    // call of the extractor of `term` on `source`; its outputs follow it
    Construct,  // call of the constructor of `term` on `args`; the value, or one output if fallible
                // or multi
    Make,       // variant or struct `term` made of `args`
  };
  Kind kind = Kind::Arg;
  // A call that may fail (extractor or partial constructor) or yields many values (multi).
  bool fallible = false;
  bool multi = false;
  bool impure = false;
  bool repeats = false;  // depends on a multi call: has a value for each of its results
  TypeId type = 0;
  SiteId source = 0;
  u32 index = 0;
  u32 variant = 0;
  u32 depth = 0;    // longest chain of operands, at most limits::kMaxIsleSiteDepth
  u32 outputs = 0;  // calls: how many Output sites follow
  TermId term = 0;
  Symbol constant = 0;
  i128 value = 0;
  Symbol name = 0;  // a variable bound to this site, for readable output; 0: none
  std::vector<SiteId> args;
};

// What a rule demands of a site.
struct Constraint {
  enum class Kind : u8 { Variant, Struct, Bool, Int, Const, Some, Loop };
  Kind kind = Kind::Some;
  u32 variant = 0;
  Symbol constant = 0;
  i128 value = 0;
  friend bool operator==(const Constraint&, const Constraint&) = default;
};

struct SiteConstraint {
  SiteId site;
  Constraint constraint;
};

// What a right side takes from the left: a variable's value, or that of a call repeated on the
// right.
struct Import {
  VariableId variable = kNone;  // kNone: a call
  SiteId site = 0;
};

// A rule in one order of the arguments of its commutative terms.
struct NormalRule {
  RuleId rule = 0;
  u32 permutation = 0;  // 0: as written
  i64 priority = 0;
  std::vector<SiteConstraint> constraints;            // by site, each site once
  std::vector<std::pair<SiteId, SiteId>> equalities;  // smaller site first, without duplicates
  // The constraints, plus those that follow from equalities; and how many sites are in classes of
  // equals.
  std::vector<SiteConstraint> implied;
  u32 class_members = 0;
  std::vector<SiteId> left_sites;   // sorted: all sites of the left side and their operands
  std::vector<SiteId> right_sites;  // what the right side computes, in order of evaluation
  SiteId result = 0;
  // Rules with permutations: in the order the right side asks for them, which is the same in every
  // permutation, so that one function can compute the right side for all.
  std::vector<Import> imports;
};

struct RuleSet {
  TermId term = 0;
  std::vector<Site> sites;  // the arguments first
  std::vector<NormalRule>
      rules;  // in the order of the texts; permutations of a rule stand together
};

// Normalises the rules of `term`. Contradictory rules (two constraints on one site) are reported as
// unreachable and left out.
RuleSet normalize(const TypedProgram& program, TermId term, Findings& findings);

}  // namespace gantry::isle
