#pragma once
// The rules of the mid-end by number: where each stands. Defined by the table that islec writes.
namespace gantry::opt {

struct IsleRule {
  const char* name;
  const char* term;
  const char* file;
  unsigned line;
};
extern const unsigned isle_rule_count;
extern const IsleRule isle_rules[];

}  // namespace gantry::opt
