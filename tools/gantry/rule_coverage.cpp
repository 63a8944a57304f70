// What --rule-coverage writes: the counters of support/rule_coverage.h as text, a line a rule.
#include "gantry/support/rule_coverage.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common.h"
#include "gantry/support/text_writer.h"

namespace gantry::tool {

bool begin_rule_coverage() {
  if (RuleSet::first() == nullptr) {
    complain("this build counts no rules: configure it with -DGANTRY_RULE_COVERAGE=ON");
    return false;
  }
  if (RuleSet::share_with_children()) return true;
  complain("no memory to share with the processes of the tests");
  return false;
}

bool write_rule_coverage(const std::string& path) {
  TextWriter out;
  for (const RuleSet* set = RuleSet::first(); set != nullptr; set = set->next()) {
    for (u32 number = 0; number < set->size(); ++number) {
      const RuleInfo rule = set->rule(number);
      out.put(set->count(number), " ", set->name(), " ", rule.term, " ", rule.file, ":", rule.line);
      if (rule.name[0] != '\0') out.put(" ", rule.name);
      out.write('\n');
    }
  }
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  bool written = file != nullptr;
  if (written) {
    written = std::fwrite(out.view().data(), 1, out.view().size(), file) == out.view().size();
    written = std::fclose(file) == 0 && written;
  }
  if (!written) complain(path + ": " + std::strerror(errno));
  return written;
}

}  // namespace gantry::tool
