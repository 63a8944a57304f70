// Writes a random program and what its terms do, by the evaluator, for random_driver.cpp to compare
// with.
//   isle_random_gen SEED RULES OUT.isle OUT.inc
#include <cstdio>
#include <cstdlib>

#include "random_program.h"

using namespace gantry;
using namespace gantry::isle;
using namespace gantry::isle::testing;

namespace {
bool write(const char* path, const std::string& text) {
  std::FILE* file = std::fopen(path, "wb");
  if (file == nullptr) return false;
  const bool ok = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return std::fclose(file) == 0 && ok;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const u64 seed = std::strtoull(argv[1], nullptr, 10);
  const std::string program =
      random_program(seed, static_cast<u32>(std::strtoul(argv[2], nullptr, 10)));
  const std::unique_ptr<Compiled> compiled = compile_text(program);
  if (!compiled->ok) {
    std::fprintf(stderr, "%s", program.c_str());
    return 1;
  }
  const Host host(compiled->typed, compiled->symbols);
  std::string rows;
  const char* names[] = {"f", "h", "m", "g"};
  for (u32 t = 0; t < 4; ++t) {
    const TermId term = compiled->find(names[t]);
    for (u64 trial = 0; trial < 300; ++trial) {
      const u64 args_seed = random_host::combine(seed, trial);
      Evaluator evaluator(compiled->typed, compiled->symbols);
      const Outcome outcome = evaluator.run(term, random_args(*compiled, term, args_seed));
      u64 effects = 0;
      for (const u64 effect : outcome.effects) effects = random_host::combine(effects, effect);
      u64 result =
          outcome.matched ? host.hash(compiled->typed.terms[term].result, outcome.result) : 0;
      for (const u64 one : outcome.results) result = random_host::combine(result, one);
      rows += "{" + std::to_string(t) + ", " + std::to_string(args_seed) + "u, " +
              (outcome.matched ? "true" : "false") + ", " + std::to_string(result) + "u, " +
              std::to_string(effects) + "u},\n";
    }
  }
  return write(argv[3], program) && write(argv[4], rows) ? 0 : 1;
}
