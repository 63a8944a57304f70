#pragma once
// The rules of the mid-end as their authors wrote them, for explanations.
#include <string_view>

namespace gantry::tool {

struct RuleText {
  const char* file;  // as tables of rules name it
  const char* text;
};
extern const RuleText kRuleTexts[];
extern const unsigned kNumRuleTexts;

// The rule that begins in this line, with the comment right above it; empty if it is not there.
std::string_view text_of_rule(std::string_view file, unsigned line);

}  // namespace gantry::tool
