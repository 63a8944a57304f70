#pragma once
// Expressions on which a given rule of the optimiser fires, often: instances of its left side, with
// types, constants and operands at random. The rules' left sides come with the rules, so a new rule
// needs no change here.
#include <span>
#include <vector>

#include "gantry/fuzzgen/generate.h"
#include "gantry/ir/builder.h"

namespace gantry::fuzzgen {

// Where an expression goes.
class ShapeHost {
 public:
  virtual ~ShapeHost() = default;
  virtual ir::Value leaf(ir::Type type) = 0;
  virtual ir::Value constant(ir::Type type, u128 bits) = 0;
  // Its results, at most two. The words of a shuffle's mask and a cast's flags are set already.
  virtual std::vector<ir::Value> insert(const ir::InstData& data, ir::Type control) = 0;
  virtual void branch(ir::Value condition) = 0;
  virtual ir::Function& func() = 0;
};

// The types that `options` enables.
std::vector<ir::Type> enabled_types(const Options& options);
// By its bits; an i128 is made of halves.
ir::Value build_constant(ir::Builder& build, ir::Type type, u128 bits);

// Numbers of rules are those of the mid-end's table (opt/rule_table.h).
u32 num_shapes();
// Empty if the rule has none.
std::string_view shape_name(u32 rule);
// Whether the rule is asked about nodes or instructions, and not by other rules.
bool is_root_shape(u32 rule);

class ShapeMaker {
 public:
  // Of these types only, and of what `options` allows.
  ShapeMaker(Choices& choices, std::span<const ir::Type> types, const Options& options);
  ~ShapeMaker();
  ShapeMaker(const ShapeMaker&) = delete;
  ShapeMaker& operator=(const ShapeMaker&) = delete;

  // Thinks of an instance; false if no attempt succeeded.
  bool plan(u32 rule);
  // Makes it. The values of the whole expression, none if it is an instruction without results.
  std::vector<ir::Value> emit(ShapeHost& host);

 private:
  struct Plan;
  Choices& choices_;
  std::vector<ir::Type> types_;
  const Options& options_;
  Plan* plan_;
};

// Replaces `func` by one function named after the rule: an instance of its left side over
// parameters, whose value is returned. False if no attempt succeeded.
bool generate_shape(Choices& choices, const Options& options, u32 rule, ir::Function& func);

}  // namespace gantry::fuzzgen
