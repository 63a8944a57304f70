// regalloc_random [seconds|COUNTx] [first seed]: allocates random inputs and has the checker judge
// the results.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "gantry/regalloc/allocate.h"
#include "gantry/regalloc/checker.h"
#include "gantry/regalloc/testing/random_input.h"
#include "gantry/regalloc/validate.h"

int main(int argc, char** argv) {
  using namespace gantry;
  using namespace gantry::regalloc;
  const char* amount = argc > 1 ? argv[1] : "1000x";
  const u64 first = argc > 2 ? std::strtoull(argv[2], nullptr, 0) : 1;
  const u64 number = std::strtoull(amount, nullptr, 0);
  const bool counted = std::strchr(amount, 'x') != nullptr;
  const auto start = std::chrono::steady_clock::now();
  Allocator allocator;
  u64 seed = first;
  for (;; ++seed) {
    if (counted ? seed - first >= number
                : std::chrono::steady_clock::now() - start >= std::chrono::seconds(number)) {
      break;
    }
    const OwnedInput owned = testing::random_input(seed);
    const Input input = owned.input();
    if (Result<void> valid = validate(input); !valid) {
      std::printf("seed %llu: %.*s\n", static_cast<unsigned long long>(seed),
                  static_cast<int>(valid.error().message().size()), valid.error().message().data());
      return 1;
    }
    Result<Output> output = allocator.allocate(input, owned.env());
    if (!output) {
      std::printf("seed %llu: %.*s\n", static_cast<unsigned long long>(seed),
                  static_cast<int>(output.error().message().size()),
                  output.error().message().data());
      TextWriter text;
      dump(input, owned.env(), nullptr, text);
      std::fputs(text.string().c_str(), stderr);
      return 1;
    }
    if (Result<void> good = check(input, owned.env(), *output); !good) {
      std::printf("seed %llu: %.*s\n", static_cast<unsigned long long>(seed),
                  static_cast<int>(good.error().message().size()), good.error().message().data());
      TextWriter text;
      dump(input, owned.env(), &*output, text);
      std::fputs(text.string().c_str(), stderr);
      return 1;
    }
  }
  std::printf("%llu inputs from seed %llu: no fault found\n",
              static_cast<unsigned long long>(seed - first),
              static_cast<unsigned long long>(first));
  return 0;
}
