// Problem: expectations contain regular expressions, and texts may be large or hostile: no
// backtracking. Idea: Thompson's construction, run as Pike's machine (R. Cox, "Regular Expression
// Matching: the Virtual Machine Approach", 2009): a list of threads in order of preference, at most
// one per instruction, steps over the text byte by byte. Each thread carries its captures.
// Invariants: a program is at most limits::kMaxRegexProgram instructions; the parser recurses at
// most limits::kMaxRegexNesting deep.
#include "gantry/filetest/regex.h"

#include <string>

#include "gantry/support/limits.h"

namespace gantry::filetest {
namespace {

constexpr bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

// ---- from text to program

// Parses one expression into nodes, then writes the nodes into the program.
class RegexCompiler {
 public:
  RegexCompiler(std::string_view regex, RegexProgram& program) : regex_(regex), program_(program) {}

  Result<void> run() {
    GANTRY_TRY_ASSIGN(const u32 root, parse_alternatives(0));
    if (at_ != regex_.size()) return error("unmatched ')'");
    emit(root);
    if (too_large_) {
      return Error(ErrorKind::LimitExceeded,
                   "max-regex-program: the regular expression is too large");
    }
    return {};
  }

 private:
  using Op = RegexProgram::Op;
  using ByteSet = RegexProgram::ByteSet;
  static constexpr u32 kUnbounded = ~u32{0};
  static constexpr u32 kNoNode = ~u32{0};

  struct Node {
    enum class Kind : u8 { Empty, Byte, Class, Assertion, Concat, Alternate, Repeat };
    Kind kind = Kind::Empty;
    u8 byte = 0;
    Op assertion = Op::Byte;
    bool greedy = true;
    u32 left = kNoNode,
        right = kNoNode;   // Concat, Alternate; Repeat: left; Class: left is its number
    u32 min = 0, max = 0;  // Repeat
  };

  Error error(std::string_view what) const {
    return Error(ErrorKind::Syntax, "regular expression: " + std::string(what) + " at byte " +
                                        std::to_string(at_ + 1) + " of '" +
                                        std::string(regex_.substr(0, 80)) + "'");
  }
  bool more() const { return at_ < regex_.size(); }
  bool eat(char c) {
    if (!more() || regex_[at_] != c) return false;
    ++at_;
    return true;
  }
  u32 add(const Node& node) {
    nodes_.push_back(node);
    return static_cast<u32>(nodes_.size() - 1);
  }
  u32 add_class(const ByteSet& set) {
    program_.classes_.push_back(set);
    return add({.kind = Node::Kind::Class, .left = static_cast<u32>(program_.classes_.size() - 1)});
  }
  // A list of nodes becomes a chain to the left, so that emission can walk it without recursion.
  Result<u32> parse_alternatives(u32 depth) {
    if (depth > limits::kMaxRegexNesting.value) {
      return Error(ErrorKind::LimitExceeded,
                   "max-regex-nesting: the regular expression is nested too deeply");
    }
    GANTRY_TRY_ASSIGN(u32 left, parse_sequence(depth));
    while (eat('|')) {
      GANTRY_TRY_ASSIGN(const u32 right, parse_sequence(depth));
      left = add({.kind = Node::Kind::Alternate, .left = left, .right = right});
    }
    return left;
  }

  Result<u32> parse_sequence(u32 depth) {
    u32 left = add({});
    while (more() && regex_[at_] != '|' && regex_[at_] != ')') {
      GANTRY_TRY_ASSIGN(u32 item, parse_atom(depth));
      GANTRY_TRY_ASSIGN(item, parse_repetition(item));
      left = add({.kind = Node::Kind::Concat, .left = left, .right = item});
    }
    return left;
  }

  Result<u32> parse_repetition(u32 item) {
    if (!more()) return item;
    Node node{.kind = Node::Kind::Repeat, .left = item};
    switch (regex_[at_]) {
      case '*':
        node.max = kUnbounded;
        break;
      case '+':
        node.min = 1;
        node.max = kUnbounded;
        break;
      case '?':
        node.max = 1;
        break;
      case '{': {
        ++at_;
        if (!number(node.min)) return error("expected a number of repetitions");
        node.max = node.min;
        if (eat(',') && !number(node.max)) node.max = kUnbounded;
        if (!more() || regex_[at_] != '}') return error("expected '}'");
        if (node.max < node.min) return error("repetitions in the wrong order");
        break;
      }
      default:
        return item;
    }
    ++at_;
    node.greedy = !eat('?');
    if (more() &&
        (regex_[at_] == '*' || regex_[at_] == '+' || regex_[at_] == '?' || regex_[at_] == '{')) {
      return error("repetition of a repetition");
    }
    return add(node);
  }

  bool number(u32& value) {
    const usize begin = at_;
    value = 0;
    while (more() && regex_[at_] >= '0' && regex_[at_] <= '9') {
      if (value < 100000) value = value * 10 + static_cast<u32>(regex_[at_] - '0');
      ++at_;
    }
    return at_ != begin;
  }

  Result<u32> parse_atom(u32 depth) {
    const char c = regex_[at_];
    switch (c) {
      case '(': {
        ++at_;
        if (eat('?') && !eat(':')) return error("expected ':'");
        GANTRY_TRY_ASSIGN(const u32 inside, parse_alternatives(depth + 1));
        if (!eat(')')) return error("expected ')'");
        return inside;
      }
      case '[':
        ++at_;
        return parse_class();
      case '.': {
        ++at_;
        ByteSet any = complement({});
        remove(any, '\n');
        return add_class(any);
      }
      case '^':
        ++at_;
        return add({.kind = Node::Kind::Assertion, .assertion = Op::LineStart});
      case '$':
        ++at_;
        return add({.kind = Node::Kind::Assertion, .assertion = Op::LineEnd});
      case '\\': {
        ++at_;
        if (!more()) return error("'\\' at the end");
        if (regex_[at_] == 'b' || regex_[at_] == 'B') {
          const Op op = regex_[at_] == 'b' ? Op::WordBoundary : Op::NotWordBoundary;
          ++at_;
          return add({.kind = Node::Kind::Assertion, .assertion = op});
        }
        ByteSet set{};
        GANTRY_TRY(parse_escape(set, nullptr));
        return add_class(set);
      }
      case '*':
      case '+':
      case '?':
      case '{':
        return error("nothing to repeat");
      default:
        ++at_;
        return add({.kind = Node::Kind::Byte, .byte = static_cast<u8>(c)});
    }
  }

  // Behind a backslash. Adds to `set`; `single` (if not null) receives the byte when it is just
  // one.
  Result<void> parse_escape(ByteSet& set, std::optional<u8>* single) {
    const char c = regex_[at_++];
    ByteSet named{};
    switch (c | 0x20) {
      case 'd':
        add_range(named, '0', '9');
        break;
      case 'w':
        for (u32 b = 0; b < 256; ++b) {
          if (is_word(static_cast<char>(b))) insert(named, static_cast<u8>(b));
        }
        break;
      case 's':
        for (const char blank : std::string_view(" \t\n\v\f\r"))
          insert(named, static_cast<u8>(blank));
        break;
      default: {
        u8 byte = static_cast<u8>(c);
        if (is_word(c)) {
          switch (c) {
            case 't':
              byte = '\t';
              break;
            case 'n':
              byte = '\n';
              break;
            case 'r':
              byte = '\r';
              break;
            default:
              --at_;
              return error("unknown escape");
          }
        }
        insert(set, byte);
        if (single != nullptr) *single = byte;
        return {};
      }
    }
    const bool negated = (c & 0x20) == 0;
    if (negated) named = complement(named);
    for (u32 word = 0; word < 4; ++word) set[word] |= named[word];
    return {};
  }

  Result<u32> parse_class() {
    ByteSet set{};
    const bool negated = eat('^');
    bool first = true;
    while (true) {
      if (!more()) return error("expected ']'");
      if (regex_[at_] == ']' && !first) break;
      first = false;
      std::optional<u8> low;
      GANTRY_TRY(parse_class_item(set, low));
      // `-` is a range between two single bytes, and itself at an end of the class.
      if (low && at_ + 1 < regex_.size() && regex_[at_] == '-' && regex_[at_ + 1] != ']') {
        ++at_;
        std::optional<u8> high;
        GANTRY_TRY(parse_class_item(set, high));
        if (!high || *high < *low) return error("bad range");
        add_range(set, *low, *high);
      }
    }
    ++at_;
    return add_class(negated ? complement(set) : set);
  }

  Result<void> parse_class_item(ByteSet& set, std::optional<u8>& single) {
    if (eat('\\')) {
      if (!more()) return error("'\\' at the end");
      return parse_escape(set, &single);
    }
    single = static_cast<u8>(regex_[at_++]);
    insert(set, *single);
    return {};
  }

  static void insert(ByteSet& set, u8 byte) { set[byte >> 6] |= u64{1} << (byte & 63); }
  static void remove(ByteSet& set, u8 byte) { set[byte >> 6] &= ~(u64{1} << (byte & 63)); }
  static void add_range(ByteSet& set, u8 low, u8 high) {
    for (u32 byte = low; byte <= high; ++byte) insert(set, static_cast<u8>(byte));
  }
  static ByteSet complement(ByteSet set) {
    for (u64& word : set) word = ~word;
    return set;
  }

  // ---- emission. `work_` counts nodes visited: repeating an empty expression costs time without
  // growing the program.

  u32 put(const RegexProgram::Inst& inst) {
    if (program_.insts_.size() >= limits::kMaxRegexProgram.value) {
      too_large_ = true;
      return 0;
    }
    program_.insts_.push_back(inst);
    return program_.size() - 1;
  }
  RegexProgram::Inst& inst(u32 index) { return program_.insts_[index]; }

  void emit(u32 index) {
    if (++work_ > 4 * limits::kMaxRegexProgram.value) too_large_ = true;
    if (too_large_) return;
    const Node node = nodes_[index];
    switch (node.kind) {
      case Node::Kind::Empty:
        break;
      case Node::Kind::Byte:
        put({Op::Byte, node.byte, 0, 0});
        break;
      case Node::Kind::Class:
        put({Op::Class, 0, node.left, 0});
        break;
      case Node::Kind::Assertion:
        put({node.assertion, 0, 0, 0});
        break;
      case Node::Kind::Concat:
        emit_concat(index);
        break;
      case Node::Kind::Alternate:
        emit_alternate(index);
        break;
      case Node::Kind::Repeat:
        emit_repeat(node);
        break;
    }
  }

  // The chain of `kind` that ends in node `index`, from its left end.
  std::vector<u32> chain(u32 index, Node::Kind kind) {
    std::vector<u32> items;
    while (nodes_[index].kind == kind) {
      items.push_back(nodes_[index].right);
      index = nodes_[index].left;
    }
    items.push_back(index);
    return {items.rbegin(), items.rend()};
  }

  void emit_concat(u32 index) {
    for (const u32 item : chain(index, Node::Kind::Concat)) emit(item);
  }

  void emit_alternate(u32 index) {
    const std::vector<u32> items = chain(index, Node::Kind::Alternate);
    std::vector<u32> jumps;
    for (usize i = 0; i + 1 < items.size() && !too_large_; ++i) {
      const u32 split = put({Op::Split, 0, program_.size() + 1, 0});
      emit(items[i]);
      jumps.push_back(put({Op::Jump, 0, 0, 0}));
      inst(split).y = program_.size();
    }
    emit(items.back());
    if (too_large_) return;
    for (const u32 jump : jumps) inst(jump).x = program_.size();
  }

  void set_split(u32 split, bool greedy, u32 body, u32 behind) {
    inst(split).x = greedy ? body : behind;
    inst(split).y = greedy ? behind : body;
  }

  void emit_repeat(const Node& node) {
    for (u32 i = 0; i < node.min && !too_large_; ++i) emit(node.left);
    if (node.max == kUnbounded) {
      const u32 split = put({Op::Split, 0, 0, 0});
      emit(node.left);
      put({Op::Jump, 0, split, 0});
      if (!too_large_) set_split(split, node.greedy, split + 1, program_.size());
      return;
    }
    std::vector<u32> splits;
    for (u32 i = node.min; i < node.max && !too_large_; ++i) {
      splits.push_back(put({Op::Split, 0, 0, 0}));
      emit(node.left);
    }
    if (too_large_) return;
    for (const u32 split : splits) set_split(split, node.greedy, split + 1, program_.size());
  }

  std::string_view regex_;
  RegexProgram& program_;
  usize at_ = 0;
  std::vector<Node> nodes_;
  u64 work_ = 0;
  bool too_large_ = false;
};

void RegexProgram::append_literal(std::string_view text) {
  for (const char c : text) insts_.push_back({Op::Byte, static_cast<u8>(c), 0, 0});
}
Result<void> RegexProgram::append_regex(std::string_view regex) {
  return RegexCompiler(regex, *this).run();
}
void RegexProgram::append_word_boundary() { insts_.push_back({Op::WordBoundary, 0, 0, 0}); }
void RegexProgram::begin_capture(u32 index) {
  insts_.push_back({Op::Save, 0, 2 * index, 0});
  if (num_slots_ < 2 * index + 2) num_slots_ = 2 * index + 2;
}
void RegexProgram::end_capture(u32 index) { insts_.push_back({Op::Save, 0, 2 * index + 1, 0}); }

// ---- the machine

bool RegexProgram::holds(const Inst& inst, std::string_view text, u32 at) const {
  const bool word_before = at > 0 && is_word(text[at - 1]);
  const bool word_behind = at < text.size() && is_word(text[at]);
  switch (inst.op) {
    case Op::WordBoundary:
      return word_before != word_behind;
    case Op::NotWordBoundary:
      return word_before == word_behind;
    case Op::LineStart:
      return at == 0 || text[at - 1] == '\n';
    case Op::LineEnd:
      return at == text.size() || text[at] == '\n';
    case Op::Byte:
    case Op::Class:
    case Op::Split:
    case Op::Jump:
    case Op::Save:
      break;
  }
  unreachable("not an assertion");
}

namespace {

// Threads in order of preference, one per instruction at most. Thread i has slots [i * stride, (i +
// 1) * stride): where its match began, then its captures.
struct ThreadList {
  std::vector<u32> pcs;
  std::vector<u32> slots;
  std::vector<u32> last_seen;  // by instruction: the step it was last added in
};

}  // namespace

std::optional<TextRange> RegexProgram::search(std::string_view text, u32 from, u32 to,
                                              std::span<TextRange> captures) const {
  const u32 stride = 1 + num_slots_;
  ThreadList now, next;
  for (ThreadList* list : {&now, &next}) list->last_seen.assign(insts_.size() + 1, ~u32{0});

  struct Pending {
    u32 pc;           // to follow, or
    u32 slot, value;  // to put back when slot is not ~0
  };
  std::vector<Pending> stack;
  std::vector<u32> current(stride);

  // Follows everything that eats no text from `pc`, with the captures in `current`.
  const auto add_thread = [&](ThreadList& list, u32 first_pc, u32 at) {
    stack.push_back({first_pc, ~u32{0}, 0});
    while (!stack.empty()) {
      const Pending top = stack.back();
      stack.pop_back();
      if (top.slot != ~u32{0}) {
        current[top.slot] = top.value;
        continue;
      }
      const u32 pc = top.pc;
      if (list.last_seen[pc] == at) continue;
      list.last_seen[pc] = at;
      if (pc == insts_.size()) {
        list.pcs.push_back(pc);
        list.slots.insert(list.slots.end(), current.begin(), current.end());
        continue;
      }
      const Inst& inst = insts_[pc];
      switch (inst.op) {
        case Op::Byte:
        case Op::Class:
          list.pcs.push_back(pc);
          list.slots.insert(list.slots.end(), current.begin(), current.end());
          break;
        case Op::Split:
          stack.push_back({inst.y, ~u32{0}, 0});
          stack.push_back({inst.x, ~u32{0}, 0});
          break;
        case Op::Jump:
          stack.push_back({inst.x, ~u32{0}, 0});
          break;
        case Op::Save:
          stack.push_back({0, 1 + inst.x, current[1 + inst.x]});
          stack.push_back({pc + 1, ~u32{0}, 0});
          current[1 + inst.x] = at;
          break;
        case Op::WordBoundary:
        case Op::NotWordBoundary:
        case Op::LineStart:
        case Op::LineEnd:
          if (holds(inst, text, at)) stack.push_back({pc + 1, ~u32{0}, 0});
          break;
      }
    }
  };

  std::optional<TextRange> found;
  for (u32 at = from;; ++at) {
    if (!found) {
      // A match may begin here, at the lowest preference.
      current.assign(stride, 0);
      current[0] = at;
      add_thread(now, 0, at);
    }
    if (now.pcs.empty() && found) break;
    next.pcs.clear();
    next.slots.clear();
    for (usize i = 0; i < now.pcs.size(); ++i) {
      const u32* slots = now.slots.data() + i * stride;
      const u32 pc = now.pcs[i];
      if (pc == insts_.size()) {
        found = TextRange{slots[0], at};
        for (usize c = 0; c < captures.size() && 2 * c + 1 < num_slots_; ++c) {
          captures[c] = {slots[1 + 2 * c], slots[2 + 2 * c]};
        }
        break;  // threads behind are less preferred
      }
      if (at == to) continue;
      const u8 byte = static_cast<u8>(text[at]);
      const Inst& inst = insts_[pc];
      const bool eats = inst.op == Op::Byte
                            ? inst.byte == byte
                            : ((classes_[inst.x][byte >> 6] >> (byte & 63)) & 1) != 0;
      if (!eats) continue;
      current.assign(slots, slots + stride);
      add_thread(next, pc + 1, at + 1);
    }
    if (at == to) break;
    std::swap(now, next);
  }
  return found;
}

}  // namespace gantry::filetest
