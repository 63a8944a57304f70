// Drives one target with damaged copies of the texts found below paths:
//   fuzz_hostile_NAME [--seconds N | --count N] [--seed S] PATH...     mutates; prints a line at
//   the end fuzz_hostile_NAME --replay PATH...                                 runs the texts as
//   they are
// The seed of a failing text is printed and the text saved to fuzz_hostile_NAME.last. One text may
// take 20 seconds.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gantry/reader/text_mutator.h"
#include "gantry/support/check.h"
#include "hostile.h"

// In builds with a sanitizer: what it calls before it ends the process.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(
    void (*callback)());  // NOLINT: its name

namespace {

using gantry::u64;
using gantry::u8;
using gantry::usize;

const std::string* current_text = nullptr;
u64 current_seed = 0;

void save_text() {
  if (current_text == nullptr) return;
  std::fprintf(stderr, "\nseed %llu, text in " GANTRY_FUZZ_NAME ".last\n",
               static_cast<unsigned long long>(current_seed));
  if (std::FILE* const file = std::fopen(GANTRY_FUZZ_NAME ".last", "wb")) {
    std::fwrite(current_text->data(), 1, current_text->size(), file);
    std::fclose(file);
  }
  current_text = nullptr;
}
void report_check(std::string_view report) {
  std::fwrite(report.data(), 1, report.size(), stderr);
  save_text();
}
void report_signal(int number) {
  std::fprintf(stderr, "signal %d%s", number, number == SIGALRM ? ": the text takes too long" : "");
  save_text();
  _exit(1);
}

// The pieces of texts mutations work on: one function each, with the comments behind it.
void add_pieces(const std::string& text, std::vector<std::string>& pieces) {
  usize start = text.compare(0, 9, "function ") == 0 ? 0 : text.find("\nfunction ");
  while (start != std::string::npos && start < text.size()) {
    if (start != 0) ++start;
    const usize next = text.find("\nfunction ", start);
    const std::string piece =
        text.substr(start, next == std::string::npos ? next : next - start + 1);
    if (piece.size() <= 6000) pieces.push_back(piece);
    start = next;
  }
}

// Exchanges tokens by others of their kind (a value for a value, an opcode for an opcode), which
// the verifier gets to see more often than the reader's mutator alone brings about.
class KindMutator {
 public:
  void learn(const std::string& text) {
    for (const Token& token : tokens(text)) {
      const std::string word = text.substr(token.at, token.size);
      std::vector<std::string>& words = words_[kind_of(word)];
      if (words.size() < 4000) words.push_back(word);
    }
  }
  void sort_words() {
    for (std::vector<std::string>& words : words_) {
      std::sort(words.begin(), words.end());
      words.erase(std::unique(words.begin(), words.end()), words.end());
    }
  }
  void mutate(std::string& text, gantry::reader::TextMutator& random) const {
    for (gantry::u32 rounds = 1 + random.below(3); rounds > 0; --rounds) {
      const std::vector<Token> found = tokens(text);
      if (found.empty()) return;
      const Token at = found[random.below(found.size())];
      const int kind = kind_of(text.substr(at.at, at.size));
      if (random.below(2) == 0) {  // from the same text
        for (gantry::u32 attempts = 0; attempts < 8; ++attempts) {
          const Token from = found[random.below(found.size())];
          const std::string word = text.substr(from.at, from.size);
          if (kind_of(word) != kind) continue;
          text.replace(at.at, at.size, word);
          break;
        }
      } else if (!words_[kind].empty()) {
        text.replace(at.at, at.size, words_[kind][random.below(words_[kind].size())]);
      }
    }
  }

 private:
  struct Token {
    usize at, size;
  };
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+';
  }
  static std::vector<Token> tokens(const std::string& text) {
    std::vector<Token> found;
    for (usize at = 0; at < text.size();) {
      if (text[at] == ';') {
        while (at < text.size() && text[at] != '\n') ++at;
        continue;
      }
      usize end = at;
      while (end < text.size() && is_word(text[end])) ++end;
      if (end == at) {
        ++at;
        continue;
      }
      found.push_back({at, end - at});
      at = end;
    }
    return found;
  }
  // Entities by their prefix, numbers, types, other words.
  static int kind_of(const std::string& word) {
    const char last = word.back(), first = word.front();
    const bool ends_in_digit = last >= '0' && last <= '9';
    if ((first >= '0' && first <= '9') || first == '-' || first == '+') return 0;
    if (!ends_in_digit) return 1;
    if (word.compare(0, 5, "block") == 0) return 2;
    if (first == 'v') return 3;
    if (word.compare(0, 2, "gv") == 0) return 4;
    if (word.compare(0, 3, "sig") == 0) return 5;
    if (word.compare(0, 2, "fn") == 0) return 6;
    if (word.compare(0, 2, "ss") == 0) return 7;
    if (first == 'i' || first == 'f') return 8;
    return 9;
  }

  std::vector<std::string> words_[10];
};

std::vector<std::string> read_texts(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path, error)) {
      files.emplace_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path, error)) {
      if (entry.path().extension() == ".clif") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> texts;
  for (const std::filesystem::path& file : files) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    texts.push_back(text.str());
  }
  return texts;
}

int run(const std::string& text) {
  current_text = &text;
  alarm(20);
  // A copy of exactly its size, so that a sanitizer sees reads behind it.
  const std::vector<u8> bytes(text.begin(), text.end());
  const int good = GANTRY_FUZZ_TARGET(bytes.data(), bytes.size());
  current_text = nullptr;
  return good;
}

int usage() {
  std::fprintf(stderr, "usage: " GANTRY_FUZZ_NAME
                       " [--seconds N | --count N] [--seed S] [--replay] PATH...\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  u64 seconds = 0, count = 0, first_seed = 0;
  bool replay = false;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--replay") {
      replay = true;
    } else if (word.compare(0, 2, "--") == 0) {
      if (++i == argc) return usage();
      const u64 number = std::strtoull(argv[i], nullptr, 10);
      if (word == "--seconds") {
        seconds = number;
      } else if (word == "--count") {
        count = number;
      } else if (word == "--seed") {
        first_seed = number;
      } else {
        return usage();
      }
    } else {
      paths.push_back(word);
    }
  }
  if (paths.empty()) return usage();
  if (seconds == 0 && count == 0) count = 10000;

  gantry::set_check_hook(report_check);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(save_text);
  } else {
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) signal(number, report_signal);
  }
  signal(SIGALRM, report_signal);

  const std::vector<std::string> texts = read_texts(paths);
  u64 rounds = 0, good = 0;
  if (replay) {
    for (const std::string& text : texts) good += run(text) != 0 ? 1 : 0;
    std::printf("%zu texts replayed, %llu with a valid function\n", texts.size(),
                static_cast<unsigned long long>(good));
    return 0;
  }
  std::vector<std::string> pieces;
  KindMutator kinds;
  for (const std::string& text : texts) add_pieces(text, pieces);
  for (const std::string& piece : pieces) kinds.learn(piece);
  kinds.sort_words();
  if (pieces.empty()) {
    std::fprintf(stderr, "no functions in .clif files below the paths\n");
    return 2;
  }
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (; count != 0 ? rounds < count : elapsed() < static_cast<double>(seconds); ++rounds) {
    current_seed = first_seed + rounds;
    gantry::reader::TextMutator mutator(current_seed);
    std::string text = pieces[mutator.below(pieces.size())];
    const gantry::u32 way = mutator.below(8);
    if (way == 0) {  // two functions, or one cut into another
      const std::string& other = pieces[mutator.below(pieces.size())];
      text.insert(mutator.below(2) == 0 ? text.size() : mutator.below(text.size()), other);
    }
    if (way <= 5) kinds.mutate(text, mutator);
    if (way >= 5) text = mutator.mutated(text);
    good += run(text) != 0 ? 1 : 0;
  }
  std::printf(
      "%llu texts from seed %llu of %zu functions, %llu with a valid function, %.0f seconds\n",
      static_cast<unsigned long long>(rounds), static_cast<unsigned long long>(first_seed),
      pieces.size(), static_cast<unsigned long long>(good), elapsed());
  return 0;
}
