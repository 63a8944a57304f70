#pragma once
// The smallest host of the mid-end's terms: two tables of records. They are reserved, since rules
// hold references to records while they make new ones.
#include <vector>

#include "gantry/gen/isle/opt_terms_test/rules.h"

namespace opt_terms {

class Host final {
 public:
  struct Record {
    Type type;
    gantry::ir::InstData data;
  };

  Host() {
    nodes.reserve(1000);
    skeleton.reserve(1000);
  }
  OPT_TERMS_CONTEXT_METHODS
#include "gantry/gen/meta/opt_make.inc"

  Node build(Type type, const gantry::ir::InstData& data) {
    nodes.push_back({type, data});
    return Node::from_index(static_cast<gantry::u32>(nodes.size() - 1));
  }
  SkeletonInst build_skeleton(Type type, const gantry::ir::InstData& data) {
    skeleton.push_back({type, data});
    return SkeletonInst::from_index(static_cast<gantry::u32>(skeleton.size() - 1));
  }
  void node_data(Node node, Type& type, InstData& data) {
    type = nodes[node.index()].type;
    data = InstData(nodes[node.index()].data);
  }
  void skeleton_data(SkeletonInst inst, Type& type, InstData& data) {
    type = skeleton[inst.index()].type;
    data = InstData(skeleton[inst.index()].data);
  }

  std::vector<Record> nodes;
  std::vector<Record> skeleton;
};

}  // namespace opt_terms
