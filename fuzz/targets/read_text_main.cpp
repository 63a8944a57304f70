// Runs the reader on damaged copies of the files of a directory: fuzz_read_text DIR ROUNDS [SEED].
// The seed of a failing round is the last one printed; the text goes to fuzz_read_text.last.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "gantry/reader/text_mutator.h"
#include "gantry/support/check.h"
#include "read_text.h"

namespace {
const std::string* current_text = nullptr;
gantry::u64 current_seed = 0;

void save_text(std::string_view report) {
  std::fwrite(report.data(), 1, report.size(), stderr);
  std::fprintf(stderr, "\nseed %llu, text in fuzz_read_text.last\n",
               static_cast<unsigned long long>(current_seed));
  std::ofstream("fuzz_read_text.last", std::ios::binary) << *current_text;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: fuzz_read_text DIR ROUNDS [SEED]\n");
    return 2;
  }
  std::vector<std::string> seeds;
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1], none)) {
    if (entry.path().extension() != ".clif" || entry.file_size(none) > 20000) continue;
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    seeds.push_back(text.str());
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "no .clif files below %s\n", argv[1]);
    return 2;
  }
  gantry::set_check_hook(save_text);
  const gantry::u64 rounds = std::strtoull(argv[2], nullptr, 10);
  const gantry::u64 first = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 0;
  gantry::u64 good = 0;
  for (current_seed = first; current_seed < first + rounds; ++current_seed) {
    gantry::reader::TextMutator mutator(current_seed);
    const std::string text = mutator.mutated(seeds[mutator.below(seeds.size())]);
    current_text = &text;
    good += static_cast<gantry::u64>(
        fuzz_read_text(reinterpret_cast<const gantry::u8*>(text.data()), text.size()));
  }
  std::printf("%llu rounds from seed %llu, %llu with a good function\n",
              static_cast<unsigned long long>(rounds), static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(good));
  return 0;
}
