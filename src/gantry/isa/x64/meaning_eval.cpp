// The evaluator of meanings: a reader of S-expressions and a walk over them. For tests and
// simulators; nothing of the compiler runs it. Nesting is bounded by the table's texts.
#include "gantry/isa/x64/meta/meaning.h"
#include "gantry/isa/x64/meta/row.h"

namespace gantry::isa::x64::meta {
namespace {

struct Node {
  std::string_view atom;  // empty for lists
  std::vector<Node> items;
};

constexpr u128 mask_of(u32 width) { return width >= 128 ? ~u128{0} : (u128{1} << width) - 1; }

class Evaluator {
 public:
  Evaluator(MeaningState& state, std::string& error) : state_(state), error_(error) {}

  bool run(std::string_view text) {
    state_.flags_after = state_.flags;
    usize at = 0;
    std::vector<Node> effects;
    while (skip_space(text, at), at < text.size()) {
      Node node;
      if (!read(text, at, node)) return false;
      effects.push_back(std::move(node));
    }
    for (const Node& effect : effects) apply(effect);
    return error_.empty();
  }

 private:
  static void skip_space(std::string_view text, usize& at) {
    while (at < text.size() && text[at] == ' ') ++at;
  }
  bool read(std::string_view text, usize& at, Node& node) {
    skip_space(text, at);
    if (at == text.size()) return fail("unexpected end", text);
    if (text[at] == '(') {
      ++at;
      for (;;) {
        skip_space(text, at);
        if (at == text.size()) return fail("missing )", text);
        if (text[at] == ')') {
          ++at;
          return true;
        }
        node.items.emplace_back();
        if (!read(text, at, node.items.back())) return false;
      }
    }
    usize end = at;
    while (end < text.size() && text[end] != ' ' && text[end] != '(' && text[end] != ')') ++end;
    if (end == at) return fail("unexpected )", text);
    node.atom = text.substr(at, end - at);
    at = end;
    return true;
  }
  bool fail(std::string_view why, std::string_view what) {
    if (error_.empty()) error_ = std::string(why) + ": " + std::string(what);
    return false;
  }

  // ---- values
  MeaningValue make(u128 bits, u32 width) {
    return {bits & mask_of(width == 0 ? 128 : width), width, false};
  }
  MeaningValue boolean(bool value) { return make(value ? 1 : 0, 1); }
  static i128 as_signed(const MeaningValue& value) {
    const u32 width = value.width == 0 ? 128 : value.width;
    const u32 up = 128 - width;
    return static_cast<i128>(value.bits << up) >> up;
  }
  // Two operands of one width; numbers adapt.
  u32 join(const MeaningValue& a, const MeaningValue& b) {
    if (a.width != 0 && b.width != 0 && a.width != b.width)
      fail("widths differ", std::to_string(a.width) + " " + std::to_string(b.width));
    return a.width != 0 ? a.width : b.width;
  }
  u32 number(const Node& node) { return static_cast<u32>(eval(node).bits); }

  MeaningValue eval(const Node& node) {
    if (!node.atom.empty()) return atom(node.atom);
    if (node.items.empty()) return fail("empty list", ""), MeaningValue();
    const std::string_view op = node.items[0].atom;
    const usize count = node.items.size() - 1;
    const auto arg = [&](usize i) { return eval(node.items[i + 1]); };
    const auto need = [&](usize wanted) {
      return count == wanted || fail("wrong number of arguments", op);
    };
    if (op == "undefined!") return {0, state_.width, true};
    if (op == "if" && need(3)) {
      const MeaningValue c = arg(0);
      MeaningValue a = arg(1), b = arg(2);
      // The arm not taken may be undefined.
      if (!a.undefined && !b.undefined) {
        const u32 width = join(a, b);
        a = make(a.bits, width), b = make(b.bits, width);
      }
      return c.bits != 0 ? a : b;
    }
    if (op == "not" && need(1)) return boolean(arg(0).bits == 0);
    if (op == "and" && need(2)) return boolean(arg(0).bits != 0 && arg(1).bits != 0);
    if (op == "or" && need(2)) return boolean(arg(0).bits != 0 || arg(1).bits != 0);
    if (op == "=" && need(2)) {
      const MeaningValue a = arg(0), b = arg(1);
      const u32 width = join(a, b);
      return boolean(make(a.bits, width).bits == make(b.bits, width).bits);
    }
    if (op == "zero_ext" && need(2)) return make(arg(1).bits, number(node.items[1]));
    if (op == "sign_ext" && need(2))
      return make(static_cast<u128>(as_signed(arg(1))), number(node.items[1]));
    if (op == "extract" && need(3)) {
      const u32 high = number(node.items[1]), low = number(node.items[2]);
      return make(arg(2).bits >> low, high - low + 1);
    }
    if (op == "concat" && need(2)) {
      const MeaningValue high = arg(0), low = arg(1);
      return make(high.bits << low.width | low.bits, high.width + low.width);
    }
    if (op == "address" && need(1)) return make(arg(0).bits, state_.width);
    if (op == "bvnot" && need(1)) {
      const MeaningValue a = arg(0);
      return make(~a.bits, a.width);
    }
    if (op == "bvneg" && need(1)) {
      const MeaningValue a = arg(0);
      return make(u128{0} - a.bits, a.width);
    }
    if (op == "popcnt" && need(1)) {
      const MeaningValue a = arg(0);
      u32 ones = 0;
      for (u32 i = 0; i < a.width; ++i) ones += static_cast<u32>(a.bits >> i & 1);
      return make(ones, a.width);
    }
    if (op == "clz" && need(1)) {
      const MeaningValue a = arg(0);
      u32 zeros = 0;
      while (zeros < a.width && (a.bits >> (a.width - 1 - zeros) & 1) == 0) ++zeros;
      return make(zeros, a.width);
    }
    if (op == "ctz!" && need(1)) {
      const MeaningValue a = arg(0);
      u32 zeros = 0;
      while (zeros < a.width && (a.bits >> zeros & 1) == 0) ++zeros;
      return make(zeros, a.width);
    }
    if (op == "bswap!" && need(1)) {
      const MeaningValue a = arg(0);
      u128 swapped = 0;
      for (u32 i = 0; i < a.width; i += 8) swapped |= (a.bits >> i & 0xff) << (a.width - 8 - i);
      return make(swapped, a.width);
    }
    if (op == "count!" && need(1))
      return make(arg(0).bits & (state_.width == 64 ? 63 : 31), state_.width);
    if (op == "carry!" && need(1))
      return make((state_.flags & CF) != 0 ? 1 : 0, number(node.items[1]));
    if (op == "high!" && need(1)) return make(arg(0).bits >> state_.width, state_.width);
    if (op == "low!" && need(1)) return make(arg(0).bits, state_.width);
    if ((op == "wide!" || op == "swide!") && need(2)) {
      const MeaningValue joined = make(arg(0).bits << state_.width | arg(1).bits, 2 * state_.width);
      return make(op == "wide!" ? joined.bits : static_cast<u128>(as_signed(joined)), 128);
    }
    if (op == "bit!" && need(2))
      return boolean((arg(0).bits >> static_cast<u32>(arg(1).bits % state_.width) & 1) != 0);
    if (op == "bit_mask!" && need(1))
      return make(u128{1} << static_cast<u32>(arg(0).bits % state_.width), state_.width);
    if (op == "flag_cond!" && need(1)) return boolean(condition());
    if (op == "bextr!" && need(2)) {
      const u128 a = arg(0).bits, b = arg(1).bits;
      const u32 start = static_cast<u32>(b & 0xff), length = static_cast<u32>(b >> 8 & 0xff);
      return make(start >= state_.width ? 0 : a >> start & mask_of(length), state_.width);
    }
    if (op == "bzhi!" && need(2)) {
      const u32 from = static_cast<u32>(arg(1).bits & 0xff);
      return make(arg(0).bits & (from >= state_.width ? ~u128{0} : mask_of(from)), state_.width);
    }
    if ((op == "pdep!" || op == "pext!") && need(2)) {
      const u128 a = arg(0).bits, mask = arg(1).bits;
      u128 result = 0;
      for (u32 i = 0, next = 0; i < state_.width; ++i) {
        if ((mask >> i & 1) == 0) continue;
        if (op == "pdep!")
          result |= (a >> next & 1) << i;
        else
          result |= (a >> i & 1) << next;
        ++next;
      }
      return make(result, state_.width);
    }
    if ((op == "shld!" || op == "shrd!") && need(3))
      return double_shift(op, arg(0), arg(1), static_cast<u32>(arg(2).bits));
    if (count == 2) return binary(op, arg(0), arg(1));
    fail("unknown operator", op);
    return {};
  }

  MeaningValue double_shift(std::string_view op, const MeaningValue& a, const MeaningValue& b,
                            u32 by) {
    const u32 width = state_.width;
    if (by > width) return {0, width, true};
    if (op == "shld!") return make(by == 0 ? a.bits : a.bits << by | b.bits >> (width - by), width);
    return make(by == 0 ? a.bits : a.bits >> by | b.bits << (width - by), width);
  }

  MeaningValue binary(std::string_view op, const MeaningValue& a, const MeaningValue& b) {
    const u32 width = join(a, b);
    const u128 x = make(a.bits, width).bits, y = make(b.bits, width).bits;
    const i128 sx = as_signed(make(x, width)), sy = as_signed(make(y, width));
    const u32 by = y >= 128 ? 128 : static_cast<u32>(y);
    if (op == "bvadd") return make(x + y, width);
    if (op == "bvsub") return make(x - y, width);
    if (op == "bvmul") return make(x * y, width);
    if (op == "bvand") return make(x & y, width);
    if (op == "bvor") return make(x | y, width);
    if (op == "bvxor") return make(x ^ y, width);
    if (op == "bvult") return boolean(x < y);
    if (op == "bvuge") return boolean(x >= y);
    if (op == "bvshl") return make(by >= width ? 0 : x << by, width);
    if (op == "bvlshr") return make(by >= width ? 0 : x >> by, width);
    if (op == "bvashr") return make(static_cast<u128>(sx >> (by >= width ? width - 1 : by)), width);
    if (op == "rotl" || op == "rotr") {
      u32 left = static_cast<u32>(y % width);
      if (op == "rotr") left = (width - left) % width;
      return make(left == 0 ? x : x << left | x >> (width - left), width);
    }
    // As SMT has it: of zero, all ones and the dividend.
    if (op == "bvudiv") return make(y == 0 ? ~u128{0} : x / y, width);
    if (op == "bvurem") return make(y == 0 ? x : x % y, width);
    if (op == "bvsdiv" || op == "bvsrem") {
      const u128 ux = sx < 0 ? u128{0} - static_cast<u128>(sx) : static_cast<u128>(sx);
      const u128 uy = sy < 0 ? u128{0} - static_cast<u128>(sy) : static_cast<u128>(sy);
      if (uy == 0) return make(op == "bvsdiv" ? (sx < 0 ? 1 : ~u128{0}) : x, width);
      if (op == "bvsdiv") return make((sx < 0) != (sy < 0) ? u128{0} - ux / uy : ux / uy, width);
      return make(sx < 0 ? u128{0} - ux % uy : ux % uy, width);
    }
    fail("unknown operator", op);
    return {};
  }

  MeaningValue atom(std::string_view text) {
    if (text == "W") return {state_.width, 0, false};
    if (text == "true") return boolean(true);
    if (text == "false") return boolean(false);
    if (text[0] >= '0' && text[0] <= '9') {
      u128 value = 0;
      for (const char c : text) value = value * 10 + static_cast<u32>(c - '0');
      return {value, 0, false};
    }
    if (const MeaningState::Variable* variable = state_.find(text)) return variable->before;
    fail("unknown name", text);
    return {};
  }

  bool condition() const {
    const auto is_set = [&](u8 flag) { return (state_.flags & flag) != 0; };
    bool holds = false;
    switch (state_.condition >> 1) {
      case 0:
        holds = is_set(OF);
        break;
      case 1:
        holds = is_set(CF);
        break;
      case 2:
        holds = is_set(ZF);
        break;
      case 3:
        holds = is_set(CF) || is_set(ZF);
        break;
      case 4:
        holds = is_set(SF);
        break;
      case 5:
        holds = is_set(PF);
        break;
      case 6:
        holds = is_set(SF) != is_set(OF);
        break;
      default:
        holds = is_set(ZF) || is_set(SF) != is_set(OF);
        break;
    }
    return holds != ((state_.condition & 1) != 0);
  }

  // ---- effects
  void put_flag(u8 flag, bool value) {
    state_.flags_after =
        static_cast<u8>(value ? state_.flags_after | flag : state_.flags_after & ~flag);
  }
  void put_result_flags(u128 result) {
    const u32 width = state_.width;
    put_flag(ZF, (result & mask_of(width)) == 0);
    put_flag(SF, (result >> (width - 1) & 1) != 0);
    put_flag(PF, (__builtin_popcount(static_cast<u32>(result & 0xff)) & 1) == 0);
  }
  void set(const Node& target, const MeaningValue& value) {
    MeaningState::Variable* variable = state_.find(target.atom);
    if (variable == nullptr) return static_cast<void>(fail("set of an unknown name", target.atom));
    if (value.width != 0 && value.width != variable->before.width && !value.undefined) {
      fail("set to another width", target.atom);
    }
    variable->after = value.undefined ? value : make(value.bits, variable->before.width);
    variable->written = true;
  }

  void apply(const Node& effect) {
    if (effect.items.empty())
      return static_cast<void>(fail("an effect must be a list", effect.atom));
    const std::string_view op = effect.items[0].atom;
    const usize count = effect.items.size() - 1;
    const auto need = [&](usize wanted) {
      return count == wanted || fail("wrong number of arguments", op);
    };
    const auto at_width = [&](const Node& node) {
      return make(eval(node).bits, state_.width).bits;
    };
    const u32 width = state_.width;
    const u128 sign = u128{1} << (width - 1);
    if (op == "set" && need(2)) return set(effect.items[1], eval(effect.items[2]));
    if (op == "set_if" && need(3)) {
      if (eval(effect.items[1]).bits != 0) set(effect.items[2], eval(effect.items[3]));
      return;
    }
    if (op == "trap" && count == 2) {
      state_.traps |= eval(effect.items[1]).bits != 0;
      return;
    }
    if (op == "flag" && need(2)) {
      const std::string_view name = effect.items[1].atom;
      const u8 flag = name == "cf"   ? CF
                      : name == "zf" ? ZF
                      : name == "of" ? OF
                      : name == "sf" ? SF
                      : name == "pf" ? PF
                                     : AF;
      return put_flag(flag, eval(effect.items[2]).bits != 0);
    }
    if ((op == "flags_add!" || op == "flags_sub!") && need(3)) {
      const u128 a = at_width(effect.items[1]), b = at_width(effect.items[2]),
                 c = at_width(effect.items[3]);
      const bool add = op == "flags_add!";
      const u128 result = (add ? a + b + c : a - b - c) & mask_of(width);
      put_result_flags(result);
      put_flag(CF, add ? (a + b + c) >> width != 0 : a < b + c);
      put_flag(AF, ((a ^ b ^ result) & 16) != 0);
      put_flag(OF, ((add ? (a ^ result) & (b ^ result) : (a ^ b) & (a ^ result)) & sign) != 0);
      return;
    }
    if (op == "flags_logic!" && need(1)) {
      put_result_flags(at_width(effect.items[1]));
      put_flag(CF, false);
      put_flag(OF, false);
      return;
    }
    if (op == "flags_imul!" && need(2)) {
      const i128 product = as_signed(make(at_width(effect.items[1]), width)) *
                           as_signed(make(at_width(effect.items[2]), width));
      const bool overflows = as_signed(make(static_cast<u128>(product), width)) != product;
      put_flag(CF, overflows);
      return put_flag(OF, overflows);
    }
    if (op == "flags_mul!" && need(3)) {
      const u128 product = eval(effect.items[1]).bits * eval(effect.items[2]).bits;
      const MeaningValue low = make(product, width);
      const bool overflows =
          (effect.items[3].atom == "zero_ext" ? low.bits : static_cast<u128>(as_signed(low))) !=
          product;
      put_flag(CF, overflows);
      return put_flag(OF, overflows);
    }
    if ((op == "flags_shift!" || op == "flags_rotate!") && need(3)) {
      const std::string_view how = effect.items[1].atom;
      const MeaningValue a = make(at_width(effect.items[2]), width);
      const u32 by = static_cast<u32>(eval(effect.items[3]).bits & (width == 64 ? 63 : 31));
      if (by == 0) return;  // nothing changes
      state_.flags_undefined |= OF;
      const u128 result = binary(how, a, make(by, width)).bits;
      if (op == "flags_rotate!")
        return put_flag(CF, (how == "rotl" ? result & 1 : result & sign) != 0);
      state_.flags_undefined |= AF;
      put_result_flags(result);
      if (how == "bvshl")
        put_flag(CF, by <= width && (a.bits >> (width - by) & 1) != 0);
      else if (how == "bvlshr")
        put_flag(CF, by <= width && (a.bits >> (by - 1) & 1) != 0);
      else
        put_flag(CF, (as_signed(a) >> (by - 1) & 1) != 0);
      if (by > width && how != "bvashr") state_.flags_undefined |= CF;
      return;
    }
    if (op == "flags_double_shift!" && need(4)) {
      const u128 a = at_width(effect.items[2]);
      const u32 by = static_cast<u32>(eval(effect.items[4]).bits & (width == 64 ? 63 : 31));
      if (by == 0) return;
      const std::string_view how = effect.items[1].atom;
      const MeaningValue result =
          double_shift(how, make(a, width), make(at_width(effect.items[3]), width), by);
      if (result.undefined) {
        state_.flags_undefined = kArith;
        return;
      }
      state_.flags_undefined |= OF | AF;
      put_result_flags(result.bits);
      return put_flag(CF, (how == "shld!" ? a >> (width - by) & 1 : a >> (by - 1) & 1) != 0);
    }
    fail("unknown effect", op);
  }

  MeaningState& state_;
  std::string& error_;
};

}  // namespace

bool evaluate_meaning(std::string_view meaning, MeaningState& state, std::string& error) {
  return Evaluator(state, error).run(meaning);
}

}  // namespace gantry::isa::x64::meta
