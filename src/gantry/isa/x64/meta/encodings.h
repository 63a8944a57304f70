#pragma once
// The x64 instructions Gantry can emit. row.h explains the format with a worked row; meaning.h the
// vocabulary of the meanings. Order within a family matters once: constructors take the first row
// that fits.
#include "gantry/isa/x64/meta/row.h"

// clang-format off: rows are laid out by hand

namespace gantry::isa::x64::meta {

// ---- groups of rows of one pattern
// -----------------------------------------------------------------

// The eight classic two-operand operations: register, memory and immediate forms, and with a locked
// memory destination.
struct AluText {
  std::string_view name, rm, mr, mi8, mi, lock_name, lock_print, lock_mr, lock_mi8, lock_mi;
};
constexpr std::array<Row, 4> alu(const AluText& text, Flags flags, bool commutes,
                                 std::string_view meaning) {
  return {{
      {.name = text.name,
       .widths = kInt,
       .ops = {modify(gpr("a")), use(gpr_mem("b"))},
       .enc = text.rm,
       .flags = flags,
       .commutes = commutes,
       .meaning = meaning},
      {.name = text.name,
       .widths = kInt16,
       .ops = {modify(gpr_mem("a")), imm("b")},
       .enc = text.mi8,
       .flags = flags,
       .meaning = meaning},
      {.name = text.name,
       .widths = kInt,
       .ops = {modify(gpr_mem("a")), imm("b")},
       .enc = text.mi,
       .flags = flags,
       .meaning = meaning},
      {.name = text.name,
       .widths = kInt,
       .ops = {modify(gpr_mem("a")), use(gpr("b"))},
       .enc = text.mr,
       .flags = flags,
       .meaning = meaning},
  }};
}
constexpr std::array<Row, 3> lock_alu(const AluText& text, Flags flags, std::string_view meaning) {
  return {{
      {.name = text.lock_name,
       .widths = kInt16,
       .ops = {modify(mem("a")), imm("b")},
       .enc = text.lock_mi8,
       .flags = flags,
       .print = text.lock_print,
       .meaning = meaning},
      {.name = text.lock_name,
       .widths = kInt,
       .ops = {modify(mem("a")), imm("b")},
       .enc = text.lock_mi,
       .flags = flags,
       .print = text.lock_print,
       .meaning = meaning},
      {.name = text.lock_name,
       .widths = kInt,
       .ops = {modify(mem("a")), use(gpr("b"))},
       .enc = text.lock_mr,
       .flags = flags,
       .print = text.lock_print,
       .meaning = meaning},
  }};
}
inline constexpr AluText kAdd = {
    "add",      "RM: 03 /r", "MR: 01 /r",    "MI: 83 /0 ibs",    "MI: 81 /0 iz",
    "lock_add", "lock add",  "MR: F0 01 /r", "MI: F0 83 /0 ibs", "MI: F0 81 /0 iz"};
inline constexpr AluText kOr = {
    "or",      "RM: 0B /r", "MR: 09 /r",    "MI: 83 /1 ibs",    "MI: 81 /1 iz",
    "lock_or", "lock or",   "MR: F0 09 /r", "MI: F0 83 /1 ibs", "MI: F0 81 /1 iz"};
inline constexpr AluText kAdc = {
    "adc", "RM: 13 /r", "MR: 11 /r", "MI: 83 /2 ibs", "MI: 81 /2 iz", {}, {}, {}, {}, {}};
inline constexpr AluText kSbb = {
    "sbb", "RM: 1B /r", "MR: 19 /r", "MI: 83 /3 ibs", "MI: 81 /3 iz", {}, {}, {}, {}, {}};
inline constexpr AluText kAnd = {
    "and",      "RM: 23 /r", "MR: 21 /r",    "MI: 83 /4 ibs",    "MI: 81 /4 iz",
    "lock_and", "lock and",  "MR: F0 21 /r", "MI: F0 83 /4 ibs", "MI: F0 81 /4 iz"};
inline constexpr AluText kSub = {
    "sub",      "RM: 2B /r", "MR: 29 /r",    "MI: 83 /5 ibs",    "MI: 81 /5 iz",
    "lock_sub", "lock sub",  "MR: F0 29 /r", "MI: F0 83 /5 ibs", "MI: F0 81 /5 iz"};
inline constexpr AluText kXor = {
    "xor",      "RM: 33 /r", "MR: 31 /r",    "MI: 83 /6 ibs",    "MI: 81 /6 iz",
    "lock_xor", "lock xor",  "MR: F0 31 /r", "MI: F0 83 /6 ibs", "MI: F0 81 /6 iz"};

// Shifts and rotations: by cl, and by an immediate.
constexpr std::array<Row, 2> shift(std::string_view name, std::string_view by_cl,
                                   std::string_view by_imm, Flags flags, std::string_view meaning) {
  return {{
      {.name = name,
       .widths = kInt,
       .ops = {modify(gpr_mem("a")), imm("b")},
       .enc = by_imm,
       .flags = flags,
       .meaning = meaning},
      {.name = name,
       .widths = kInt,
       .ops = {modify(gpr_mem("a")), use(shown(in(Fix::Rcx, "b", 8)))},
       .enc = by_cl,
       .flags = flags,
       .meaning = meaning},
  }};
}
inline constexpr Flags kShiftFlags = {.writes = CF | ZF | SF | PF, .undefined = AF | OF};
inline constexpr Flags kRotateFlags = {.writes = CF, .undefined = OF};

// Double shifts: the low (high) bits of `a` are filled from `b`.
constexpr std::array<Row, 2> double_shift(std::string_view name, std::string_view by_cl,
                                          std::string_view by_imm, std::string_view meaning) {
  return {{
      {.name = name,
       .widths = kInt16,
       .ops = {modify(gpr("a")), use(gpr("b")), imm("c")},
       .enc = by_imm,
       .flags = kShiftFlags,
       .meaning = meaning},
      {.name = name,
       .widths = kInt16,
       .ops = {modify(gpr("a")), use(gpr("b")), use(shown(in(Fix::Rcx, "c", 8)))},
       .enc = by_cl,
       .flags = kShiftFlags,
       .meaning = meaning},
  }};
}

// Two-operand SSE arithmetic on scalars (or whole registers) and its AVX twin with a separate
// destination.
constexpr std::array<Row, 2> sse(std::string_view name, std::string_view enc,
                                 std::string_view vex_name, std::string_view vex_enc, Op b,
                                 bool commutes, std::string_view meaning,
                                 std::string_view vex_meaning, Wide wide = Wide::No) {
  Op vex_b = b;
  vex_b.aligned = false;
  return {{
      {.name = name,
       .ops = {modify(xmm("a")), use(b)},
       .enc = enc,
       .vex_twin = vex_name,
       .commutes = commutes,
       .wide = wide,
       .meaning = meaning},
      {.name = vex_name,
       .ops = {def(xmm("d")), use(xmm("a")), use(vex_b)},
       .enc = vex_enc,
       .needs = Feature::Avx,
       .commutes = commutes,
       .wide = wide,
       .meaning = vex_meaning},
  }};
}
// The same with an immediate (rounding mode, comparison predicate, lanes).
constexpr std::array<Row, 2> sse_imm(std::string_view name, std::string_view enc, Feature needs,
                                     std::string_view vex_name, std::string_view vex_enc, Op b,
                                     std::string_view meaning, std::string_view vex_meaning,
                                     Wide wide = Wide::No, Op c = imm("c")) {
  Op vex_b = b;
  vex_b.aligned = false;
  return {{
      {.name = name,
       .ops = {modify(xmm("a")), use(b), c},
       .enc = enc,
       .needs = needs,
       .vex_twin = vex_name,
       .wide = wide,
       .meaning = meaning},
      {.name = vex_name,
       .ops = {def(xmm("d")), use(xmm("a")), use(vex_b), c},
       .enc = vex_enc,
       .needs = Feature::Avx,
       .wide = wide,
       .meaning = vex_meaning},
  }};
}
// One source, one fresh destination.
constexpr std::array<Row, 2> sse_move(std::string_view name, std::string_view enc,
                                      std::string_view vex_name, std::string_view vex_enc, Op d,
                                      Op a, std::string_view meaning) {
  Op vex_d = d, vex_a = a;
  vex_d.aligned = vex_a.aligned = false;
  const Wide wide = a.kind == Kind::XmmMem ? Wide::Inherit : a.bits == 128 ? Wide::Yes : Wide::No;
  return {{
      {.name = name,
       .ops = {d, a},
       .enc = enc,
       .vex_twin = vex_name,
       .wide = wide,
       .meaning = meaning},
      {.name = vex_name,
       .ops = {vex_d, vex_a},
       .enc = vex_enc,
       .needs = Feature::Avx,
       .wide = wide,
       .meaning = meaning},
  }};
}
// Register shifted by an immediate.
constexpr std::array<Row, 2> sse_shift(std::string_view name, std::string_view enc,
                                       std::string_view vex_name, std::string_view vex_enc,
                                       std::string_view meaning, std::string_view vex_meaning) {
  return {{
      {.name = name,
       .ops = {modify(xmm("a")), imm("b")},
       .enc = enc,
       .vex_twin = vex_name,
       .wide = Wide::Inherit,
       .meaning = meaning},
      {.name = vex_name,
       .ops = {def(xmm("d")), use(xmm("a")), imm("b")},
       .enc = vex_enc,
       .needs = Feature::Avx,
       .wide = Wide::Inherit,
       .meaning = vex_meaning},
  }};
}
// Fused multiply-add in its three operand orders: 132 a*c+b, 213 b*a+c, 231 b*c+a.
constexpr Row fma(std::string_view name, std::string_view enc, u16 width,
                  std::string_view meaning) {
  return {.name = name,
          .ops = {modify(xmm("a")), use(xmm("b")), use(xmm_mem("c", width))},
          .enc = enc,
          .needs = Feature::Fma,
          .meaning = meaning};
}
// Bit-manipulation with a VEX encoding and three registers.
inline constexpr Flags kAndnFlags = {.writes = CF | ZF | SF | OF, .undefined = AF | PF};

// ---- integers
// --------------------------------------------------------------------------------------

inline constexpr auto kMoveRows = std::to_array<Row>({
    {.name = "mov",
     .widths = kInt,
     .ops = {def(gpr("d")), use(gpr_mem("a"))},
     .enc = "RM: 8B /r",
     .meaning = "(set d a)"},
    {.name = "mov_to_mem",
     .widths = kInt,
     .ops = {def(mem("d")), imm("a")},
     .enc = "MI: C7 /0 iz",
     .print = "mov",
     .meaning = "(set d a)"},
    {.name = "mov_to_mem",
     .widths = kInt,
     .ops = {def(mem("d")), use(gpr("a"))},
     .enc = "MR: 89 /r",
     .print = "mov",
     .meaning = "(set d a)"},
    // Constants; x64_const chooses the shortest.
    {.name = "mov_imm32",
     .widths = W32,
     .ops = {def(gpr("d")), imm("a")},
     .enc = "OI: B8+r id",
     .print = "mov",
     .meaning = "(set d a)"},
    {.name = "mov_imm32_sx",
     .widths = W64,
     .ops = {def(gpr("d")), imm("a")},
     .enc = "MI: C7 /0 id",
     .print = "mov",
     .meaning = "(set d a)"},
    {.name = "movabs",
     .widths = W64,
     .ops = {def(gpr("d")), imm("a")},
     .enc = "OI: B8+r io",
     .internal = true,
     .meaning = "(set d a)"},
    // Zero in two bytes; unlike x64_const it writes flags.
    {.name = "zero",
     .widths = W32,
     .ops = {def(gpr("d"))},
     .enc = "B: 33 /r",
     .flags = kLogicFlags,
     .print = "xor",
     .meaning = "(set d 0) (flags_logic! (bvand d 0))"},
    {.name = "movzx8",
     .widths = kInt16,
     .ops = {def(gpr("d")), use(gpr_mem("a", 8))},
     .enc = "RM: 0F B6 /r",
     .print = "movzx",
     .meaning = "(set d (zero_ext W a))"},
    {.name = "movzx16",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a", 16))},
     .enc = "RM: 0F B7 /r",
     .print = "movzx",
     .meaning = "(set d (zero_ext W a))"},
    {.name = "movsx8",
     .widths = kInt16,
     .ops = {def(gpr("d")), use(gpr_mem("a", 8))},
     .enc = "RM: 0F BE /r",
     .print = "movsx",
     .meaning = "(set d (sign_ext W a))"},
    {.name = "movsx16",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a", 16))},
     .enc = "RM: 0F BF /r",
     .print = "movsx",
     .meaning = "(set d (sign_ext W a))"},
    {.name = "movsxd",
     .widths = W64,
     .ops = {def(gpr("d")), use(gpr_mem("a", 32))},
     .enc = "RM: 63 /r",
     .meaning = "(set d (sign_ext W a))"},
    {.name = "lea",
     .widths = kInt32,
     .ops = {def(gpr("d")), addr("m")},
     .enc = "RM: 8D /r",
     .meaning = "(set d (address m))"},
    {.name = "xchg",
     .widths = kInt,
     .ops = {modify(mem("m")), modify(gpr("a"))},
     .enc = "MR: 87 /r",
     .meaning = "(set a m) (set m a)"},
    {.name = "push",
     .widths = W64,
     .ops = {use(gpr("a"))},
     .enc = "O: 50+r o64",
     .internal = true,
     .meaning = "(opaque!)"},
    {.name = "pop",
     .widths = W64,
     .ops = {def(gpr("d"))},
     .enc = "O: 58+r o64",
     .internal = true,
     .meaning = "(opaque!)"},
    {.name = "bswap",
     .widths = kInt32,
     .ops = {modify(gpr("a"))},
     .enc = "O: 0F C8+r",
     .meaning = "(set a (bswap! a))"},
    {.name = "cbw",
     .widths = W16,
     .ops = {modify(in(Fix::Rax, "a"))},
     .enc = "Z: 98",
     .meaning = "(set a (sign_ext 16 (extract 7 0 a)))"},
    {.name = "cwd",
     .widths = W16,
     .ops = {def(in(Fix::Rdx, "d")), use(in(Fix::Rax, "a"))},
     .enc = "ZZ: 99",
     .meaning = "(set d (bvashr a 15))"},
    {.name = "cdq",
     .widths = W32,
     .ops = {def(in(Fix::Rdx, "d")), use(in(Fix::Rax, "a"))},
     .enc = "ZZ: 99",
     .meaning = "(set d (bvashr a 31))"},
    {.name = "cqo",
     .widths = W64,
     .ops = {def(in(Fix::Rdx, "d")), use(in(Fix::Rax, "a"))},
     .enc = "ZZ: 99",
     .meaning = "(set d (bvashr a 63))"},
});

inline constexpr auto kAluRows =
    alu(kAdd, kArithFlags, true, "(set a (bvadd a b)) (flags_add! a b 0)") +
    alu(kOr, kLogicFlags, true, "(set a (bvor a b)) (flags_logic! (bvor a b))") +
    alu(kAdc, {.writes = kArith, .reads = CF}, true,
        "(set a (bvadd (bvadd a b) (carry! W))) (flags_add! a b (carry! W))") +
    alu(kSbb, {.writes = kArith, .reads = CF}, false,
        "(set a (bvsub (bvsub a b) (carry! W))) (flags_sub! a b (carry! W))") +
    alu(kAnd, kLogicFlags, true, "(set a (bvand a b)) (flags_logic! (bvand a b))") +
    alu(kSub, kArithFlags, false, "(set a (bvsub a b)) (flags_sub! a b 0)") +
    alu(kXor, kLogicFlags, true, "(set a (bvxor a b)) (flags_logic! (bvxor a b))") +
    lock_alu(kAdd, kArithFlags, "(set a (bvadd a b)) (flags_add! a b 0)") +
    lock_alu(kOr, kLogicFlags, "(set a (bvor a b)) (flags_logic! (bvor a b))") +
    lock_alu(kAnd, kLogicFlags, "(set a (bvand a b)) (flags_logic! (bvand a b))") +
    lock_alu(kSub, kArithFlags, "(set a (bvsub a b)) (flags_sub! a b 0)") +
    lock_alu(kXor, kLogicFlags, "(set a (bvxor a b)) (flags_logic! (bvxor a b))") +
    shift("shl", "MZ: D3 /4", "MI: C1 /4 ib", kShiftFlags,
          "(set a (bvshl a (count! b))) (flags_shift! bvshl a b)") +
    shift("shr", "MZ: D3 /5", "MI: C1 /5 ib", kShiftFlags,
          "(set a (bvlshr a (count! b))) (flags_shift! bvlshr a b)") +
    shift("sar", "MZ: D3 /7", "MI: C1 /7 ib", kShiftFlags,
          "(set a (bvashr a (count! b))) (flags_shift! bvashr a b)") +
    shift("rol", "MZ: D3 /0", "MI: C1 /0 ib", kRotateFlags,
          "(set a (rotl a (count! b))) (flags_rotate! rotl a b)") +
    shift("ror", "MZ: D3 /1", "MI: C1 /1 ib", kRotateFlags,
          "(set a (rotr a (count! b))) (flags_rotate! rotr a b)") +
    double_shift("shld", "MRZ: 0F A5 /r", "MRI: 0F A4 /r ib",
                 "(set a (shld! a b (count! c))) (flags_double_shift! shld! a b c)") +
    double_shift("shrd", "MRZ: 0F AD /r", "MRI: 0F AC /r ib",
                 "(set a (shrd! a b (count! c))) (flags_double_shift! shrd! a b c)");

inline constexpr auto kIntegerRows = std::to_array<Row>({
    {.name = "cmp",
     .widths = kInt,
     .ops = {use(gpr("a")), use(gpr_mem("b"))},
     .enc = "RM: 3B /r",
     .flags = kArithFlags,
     .meaning = "(flags_sub! a b 0)"},
    {.name = "cmp",
     .widths = kInt16,
     .ops = {use(gpr_mem("a")), imm("b")},
     .enc = "MI: 83 /7 ibs",
     .flags = kArithFlags,
     .meaning = "(flags_sub! a b 0)"},
    {.name = "cmp",
     .widths = kInt,
     .ops = {use(gpr_mem("a")), imm("b")},
     .enc = "MI: 81 /7 iz",
     .flags = kArithFlags,
     .meaning = "(flags_sub! a b 0)"},
    {.name = "cmp",
     .widths = kInt,
     .ops = {use(gpr_mem("a")), use(gpr("b"))},
     .enc = "MR: 39 /r",
     .flags = kArithFlags,
     .meaning = "(flags_sub! a b 0)"},
    {.name = "test",
     .widths = kInt,
     .ops = {use(gpr_mem("a")), imm("b")},
     .enc = "MI: F7 /0 iz",
     .flags = kLogicFlags,
     .meaning = "(flags_logic! (bvand a b))"},
    {.name = "test",
     .widths = kInt,
     .ops = {use(gpr_mem("a")), use(gpr("b"))},
     .enc = "MR: 85 /r",
     .flags = kLogicFlags,
     .meaning = "(flags_logic! (bvand a b))"},
    {.name = "neg",
     .widths = kInt,
     .ops = {modify(gpr_mem("a"))},
     .enc = "M: F7 /3",
     .flags = kArithFlags,
     .meaning = "(set a (bvneg a)) (flags_sub! 0 a 0)"},
    {.name = "not",
     .widths = kInt,
     .ops = {modify(gpr_mem("a"))},
     .enc = "M: F7 /2",
     .meaning = "(set a (bvnot a))"},
    {.name = "imul",
     .widths = kInt16,
     .ops = {modify(gpr("a")), use(gpr_mem("b"))},
     .enc = "RM: 0F AF /r",
     .flags = {.writes = CF | OF, .undefined = SF | ZF | AF | PF},
     .commutes = true,
     .meaning = "(set a (bvmul a b)) (flags_imul! a b)"},
    {.name = "imul_imm",
     .widths = kInt16,
     .ops = {def(gpr("d")), use(gpr_mem("a")), imm("b")},
     .enc = "RMI: 6B /r ibs",
     .flags = {.writes = CF | OF, .undefined = SF | ZF | AF | PF},
     .print = "imul",
     .meaning = "(set d (bvmul a b)) (flags_imul! a b)"},
    {.name = "imul_imm",
     .widths = kInt16,
     .ops = {def(gpr("d")), use(gpr_mem("a")), imm("b")},
     .enc = "RMI: 69 /r iz",
     .flags = {.writes = CF | OF, .undefined = SF | ZF | AF | PF},
     .print = "imul",
     .meaning = "(set d (bvmul a b)) (flags_imul! a b)"},
    {.name = "mul",
     .widths = kInt16,
     .ops = {modify(in(Fix::Rax, "lo")), def(in(Fix::Rdx, "hi")), use(gpr_mem("b"))},
     .enc = "ZZM: F7 /4",
     .flags = {.writes = CF | OF, .undefined = SF | ZF | AF | PF},
     .meaning = "(set lo (bvmul lo b)) (set hi (high! (bvmul (zero_ext 128 lo) (zero_ext 128 b))))"
                " (flags_mul! (zero_ext 128 lo) (zero_ext 128 b) zero_ext)"},
    {.name = "imul_wide",
     .widths = kInt16,
     .ops = {modify(in(Fix::Rax, "lo")), def(in(Fix::Rdx, "hi")), use(gpr_mem("b"))},
     .enc = "ZZM: F7 /5",
     .flags = {.writes = CF | OF, .undefined = SF | ZF | AF | PF},
     .print = "imul",
     .meaning = "(set lo (bvmul lo b)) (set hi (high! (bvmul (sign_ext 128 lo) (sign_ext 128 b))))"
                " (flags_mul! (sign_ext 128 lo) (sign_ext 128 b) sign_ext)"},
    {.name = "mul8",
     .widths = W8,
     .ops = {modify(in(Fix::Rax, "a", 16)), use(gpr_mem("b"))},
     .enc = "ZM: F6 /4",
     .flags = {.writes = CF | OF, .undefined = SF | ZF | AF | PF},
     .print = "mul",
     .meaning = "(set a (bvmul (zero_ext 16 (extract 7 0 a)) (zero_ext 16 b)))"
                " (flags_mul! (zero_ext 128 (extract 7 0 a)) (zero_ext 128 b) zero_ext)"},
    {.name = "imul8",
     .widths = W8,
     .ops = {modify(in(Fix::Rax, "a", 16)), use(gpr_mem("b"))},
     .enc = "ZM: F6 /5",
     .flags = {.writes = CF | OF, .undefined = SF | ZF | AF | PF},
     .print = "imul",
     .meaning = "(set a (bvmul (sign_ext 16 (extract 7 0 a)) (sign_ext 16 b)))"
                " (flags_mul! (sign_ext 128 (extract 7 0 a)) (sign_ext 128 b) sign_ext)"},
    {.name = "div",
     .widths = kInt16,
     .ops = {modify(in(Fix::Rax, "lo")), modify(in(Fix::Rdx, "hi")), use(gpr("b"))},
     .enc = "ZZM: F7 /6",
     .flags = {.undefined = kArith},
     .trap = Trap::Divide,
     .meaning = "(trap (not (bvult hi b)) divide)"
                " (set lo (low! (bvudiv (wide! hi lo) (zero_ext 128 b))))"
                " (set hi (low! (bvurem (wide! hi lo) (zero_ext 128 b))))"},
    {.name = "idiv",
     .widths = kInt16,
     .ops = {modify(in(Fix::Rax, "lo")), modify(in(Fix::Rdx, "hi")), use(gpr("b"))},
     .enc = "ZZM: F7 /7",
     .flags = {.undefined = kArith},
     .trap = Trap::Divide,
     .meaning = "(trap (or (= b 0) (not (= (bvsdiv (swide! hi lo) (sign_ext 128 b))"
                " (sign_ext 128 (low! (bvsdiv (swide! hi lo) (sign_ext 128 b))))))) divide)"
                " (set lo (low! (bvsdiv (swide! hi lo) (sign_ext 128 b))))"
                " (set hi (low! (bvsrem (swide! hi lo) (sign_ext 128 b))))"},
    {.name = "div8",
     .widths = W8,
     .ops = {modify(in(Fix::Rax, "a", 16)), use(gpr("b"))},
     .enc = "ZM: F6 /6",
     .flags = {.undefined = kArith},
     .print = "div",
     .trap = Trap::Divide,
     .meaning = "(trap (not (bvult (extract 15 8 a) b)) divide)"
                " (set a (concat (extract 7 0 (bvurem a (zero_ext 16 b))) (extract 7 0 (bvudiv a "
                "(zero_ext 16 b)))))"},
    {.name = "idiv8",
     .widths = W8,
     .ops = {modify(in(Fix::Rax, "a", 16)), use(gpr("b"))},
     .enc = "ZM: F6 /7",
     .flags = {.undefined = kArith},
     .print = "idiv",
     .trap = Trap::Divide,
     .meaning = "(trap (or (= b 0) (not (= (bvsdiv (sign_ext 32 a) (sign_ext 32 b))"
                " (sign_ext 32 (extract 7 0 (bvsdiv (sign_ext 32 a) (sign_ext 32 b))))))) divide)"
                " (set a (concat (extract 7 0 (bvsrem (sign_ext 32 a) (sign_ext 32 b)))"
                " (extract 7 0 (bvsdiv (sign_ext 32 a) (sign_ext 32 b)))))"},
    // Bits.
    {.name = "andn",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr("a")), use(gpr_mem("b"))},
     .enc = "RVM: VEX.LZ.0F38.Wn F2 /r",
     .flags = kAndnFlags,
     .needs = Feature::Bmi1,
     .meaning = "(set d (bvand (bvnot a) b)) (flags_logic! (bvand (bvnot a) b))"},
    {.name = "bextr",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a")), use(gpr("b"))},
     .enc = "RMV: VEX.LZ.0F38.Wn F7 /r",
     .flags = {.writes = ZF, .undefined = CF | OF | AF | SF | PF},
     .needs = Feature::Bmi1,
     .meaning = "(set d (bextr! a b)) (flags_logic! (bextr! a b))"},
    {.name = "blsi",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a"))},
     .enc = "VM: VEX.LZ.0F38.Wn F3 /3",
     .flags = kAndnFlags,
     .needs = Feature::Bmi1,
     .meaning =
         "(set d (bvand a (bvneg a))) (flags_logic! (bvand a (bvneg a))) (flag cf (not (= a 0)))"},
    {.name = "blsr",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a"))},
     .enc = "VM: VEX.LZ.0F38.Wn F3 /1",
     .flags = kAndnFlags,
     .needs = Feature::Bmi1,
     .meaning =
         "(set d (bvand a (bvsub a 1))) (flags_logic! (bvand a (bvsub a 1))) (flag cf (= a 0))"},
    {.name = "blsmsk",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a"))},
     .enc = "VM: VEX.LZ.0F38.Wn F3 /2",
     .flags = kAndnFlags,
     .needs = Feature::Bmi1,
     .meaning =
         "(set d (bvxor a (bvsub a 1))) (flags_logic! (bvxor a (bvsub a 1))) (flag cf (= a 0))"},
    {.name = "bzhi",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a")), use(gpr("b"))},
     .enc = "RMV: VEX.LZ.0F38.Wn F5 /r",
     .flags = kAndnFlags,
     .needs = Feature::Bmi2,
     .meaning = "(set d (bzhi! a b)) (flags_logic! (bzhi! a b)) (flag cf (bvuge (zero_ext W "
                "(extract 7 0 b)) W))"},
    {.name = "pdep",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr("a")), use(gpr_mem("b"))},
     .enc = "RVM: VEX.LZ.F2.0F38.Wn F5 /r",
     .needs = Feature::Bmi2,
     .meaning = "(set d (pdep! a b))"},
    {.name = "pext",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr("a")), use(gpr_mem("b"))},
     .enc = "RVM: VEX.LZ.F3.0F38.Wn F5 /r",
     .needs = Feature::Bmi2,
     .meaning = "(set d (pext! a b))"},
    {.name = "tzcnt",
     .widths = kInt16,
     .ops = {def(gpr("d")), use(gpr_mem("a"))},
     .enc = "RM: F3 0F BC /r",
     .flags = {.writes = CF | ZF, .undefined = OF | SF | PF | AF},
     .needs = Feature::Bmi1,
     .meaning = "(set d (ctz! a)) (flag cf (= a 0)) (flag zf (= (ctz! a) 0))"},
    {.name = "lzcnt",
     .widths = kInt16,
     .ops = {def(gpr("d")), use(gpr_mem("a"))},
     .enc = "RM: F3 0F BD /r",
     .flags = {.writes = CF | ZF, .undefined = OF | SF | PF | AF},
     .needs = Feature::Lzcnt,
     .meaning = "(set d (clz a)) (flag cf (= a 0)) (flag zf (= (clz a) 0))"},
    {.name = "popcnt",
     .widths = kInt16,
     .ops = {def(gpr("d")), use(gpr_mem("a"))},
     .enc = "RM: F3 0F B8 /r",
     .flags = kArithFlags,
     .needs = Feature::Popcnt,
     .meaning = "(set d (popcnt a)) (flag cf false) (flag of false) (flag sf false) (flag pf "
                "false) (flag af false)"
                " (flag zf (= a 0))"},
    // Of zero, the result is undefined (the ZF written tells).
    {.name = "bsf",
     .widths = kInt16,
     .ops = {def(gpr("d")), use(gpr_mem("a"))},
     .enc = "RM: 0F BC /r",
     .flags = {.writes = ZF, .undefined = CF | OF | SF | PF | AF},
     .meaning = "(set d (if (= a 0) (undefined!) (ctz! a))) (flag zf (= a 0))"},
    {.name = "bsr",
     .widths = kInt16,
     .ops = {def(gpr("d")), use(gpr_mem("a"))},
     .enc = "RM: 0F BD /r",
     .flags = {.writes = ZF, .undefined = CF | OF | SF | PF | AF},
     .meaning = "(set d (if (= a 0) (undefined!) (bvsub (bvsub W 1) (clz a)))) (flag zf (= a 0))"},
    // With a register bit number only registers are offered: in memory the number reaches beyond
    // the operand.
    {.name = "bt",
     .widths = kInt16,
     .ops = {use(gpr_mem("a")), imm("b")},
     .enc = "MI: 0F BA /4 ib",
     .flags = {.writes = CF, .undefined = OF | SF | PF | AF},
     .meaning = "(flag cf (bit! a b))"},
    {.name = "bt",
     .widths = kInt16,
     .ops = {use(gpr("a")), use(gpr("b"))},
     .enc = "MR: 0F A3 /r",
     .flags = {.writes = CF, .undefined = OF | SF | PF | AF},
     .meaning = "(flag cf (bit! a b))"},
    {.name = "bts",
     .widths = kInt16,
     .ops = {modify(gpr_mem("a")), imm("b")},
     .enc = "MI: 0F BA /5 ib",
     .flags = {.writes = CF, .undefined = OF | SF | PF | AF},
     .meaning = "(set a (bvor a (bit_mask! b))) (flag cf (bit! a b))"},
    {.name = "bts",
     .widths = kInt16,
     .ops = {modify(gpr("a")), use(gpr("b"))},
     .enc = "MR: 0F AB /r",
     .flags = {.writes = CF, .undefined = OF | SF | PF | AF},
     .meaning = "(set a (bvor a (bit_mask! b))) (flag cf (bit! a b))"},
    {.name = "btr",
     .widths = kInt16,
     .ops = {modify(gpr_mem("a")), imm("b")},
     .enc = "MI: 0F BA /6 ib",
     .flags = {.writes = CF, .undefined = OF | SF | PF | AF},
     .meaning = "(set a (bvand a (bvnot (bit_mask! b)))) (flag cf (bit! a b))"},
    {.name = "btr",
     .widths = kInt16,
     .ops = {modify(gpr("a")), use(gpr("b"))},
     .enc = "MR: 0F B3 /r",
     .flags = {.writes = CF, .undefined = OF | SF | PF | AF},
     .meaning = "(set a (bvand a (bvnot (bit_mask! b)))) (flag cf (bit! a b))"},
    {.name = "btc",
     .widths = kInt16,
     .ops = {modify(gpr_mem("a")), imm("b")},
     .enc = "MI: 0F BA /7 ib",
     .flags = {.writes = CF, .undefined = OF | SF | PF | AF},
     .meaning = "(set a (bvxor a (bit_mask! b))) (flag cf (bit! a b))"},
    {.name = "btc",
     .widths = kInt16,
     .ops = {modify(gpr("a")), use(gpr("b"))},
     .enc = "MR: 0F BB /r",
     .flags = {.writes = CF, .undefined = OF | SF | PF | AF},
     .meaning = "(set a (bvxor a (bit_mask! b))) (flag cf (bit! a b))"},
    // Shifts without flags and with a free destination.
    {.name = "rorx",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a")), imm("b")},
     .enc = "RMI: VEX.LZ.F2.0F3A.Wn F0 /r ib",
     .needs = Feature::Bmi2,
     .meaning = "(set d (rotr a (count! b)))"},
    {.name = "shlx",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a")), use(gpr("b"))},
     .enc = "RMV: VEX.LZ.66.0F38.Wn F7 /r",
     .needs = Feature::Bmi2,
     .meaning = "(set d (bvshl a (count! b)))"},
    {.name = "shrx",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a")), use(gpr("b"))},
     .enc = "RMV: VEX.LZ.F2.0F38.Wn F7 /r",
     .needs = Feature::Bmi2,
     .meaning = "(set d (bvlshr a (count! b)))"},
    {.name = "sarx",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(gpr_mem("a")), use(gpr("b"))},
     .enc = "RMV: VEX.LZ.F3.0F38.Wn F7 /r",
     .needs = Feature::Bmi2,
     .meaning = "(set d (bvashr a (count! b)))"},
    {.name = "mulx",
     .widths = kInt32,
     .ops = {def(gpr("hi")), def(gpr("lo")), use(gpr_mem("b")), use(in(Fix::Rdx, "a"))},
     .enc = "RVMZ: VEX.LZ.F2.0F38.Wn F6 /r",
     .needs = Feature::Bmi2,
     .meaning = "(set lo (bvmul a b)) (set hi (high! (bvmul (zero_ext 128 a) (zero_ext 128 b))))"},
    // Conditions.
    {.name = "set",
     .widths = W8,
     .ops = {cond("cc"), def(gpr("d"))},
     .enc = "CM: 0F 90 /0",
     .flags = {.reads = kArith},
     .meaning = "(set d (if (flag_cond! cc) 1 0))"},
    {.name = "cmov",
     .widths = kInt16,
     .ops = {cond("cc"), modify(gpr("a")), use(gpr_mem("b"))},
     .enc = "CRM: 0F 40 /r",
     .flags = {.reads = kArith},
     .meaning = "(set a (if (flag_cond! cc) b a))"},
    // Atomics.
    {.name = "lock_xadd",
     .widths = kInt,
     .ops = {modify(mem("m")), modify(gpr("a"))},
     .enc = "MR: F0 0F C1 /r",
     .flags = kArithFlags,
     .print = "lock xadd",
     .meaning = "(set a m) (set m (bvadd m a)) (flags_add! m a 0)"},
    {.name = "lock_cmpxchg",
     .widths = kInt,
     .ops = {modify(mem("m")), use(gpr("b")), modify(in(Fix::Rax, "a"))},
     .enc = "MRZ: F0 0F B1 /r",
     .flags = kArithFlags,
     .print = "lock cmpxchg",
     .meaning = "(set m (if (= m a) b m)) (set_if (not (= m a)) a m) (flags_sub! a m 0)"},
    {.name = "lock_cmpxchg16b",
     .widths = W64,
     .ops = {modify(mem("m", 128)), modify(in(Fix::Rax, "lo")), modify(in(Fix::Rdx, "hi")),
             use(in(Fix::Rbx, "new_lo")), use(in(Fix::Rcx, "new_hi"))},
     .enc = "MZZZZ: F0 0F C7 /1",
     .flags = {.writes = ZF},
     .needs = Feature::Cmpxchg16b,
     .print = "lock cmpxchg16b",
     .meaning =
         "(set m (if (= m (concat hi lo)) (concat new_hi new_lo) m)) (set lo (extract 63 0 m))"
         " (set hi (extract 127 64 m)) (flag zf (= m (concat hi lo)))"},
    {.name = "lock_cmpxchg8b",
     .widths = W32,
     .ops = {modify(mem("m", 64)), modify(in(Fix::Rax, "lo")), modify(in(Fix::Rdx, "hi")),
             use(in(Fix::Rbx, "new_lo")), use(in(Fix::Rcx, "new_hi"))},
     .enc = "MZZZZ: F0 0F C7 /1",
     .flags = {.writes = ZF},
     .print = "lock cmpxchg8b",
     .meaning = "(set m (if (= m (concat hi lo)) (concat new_hi new_lo) m))"
                " (set_if (not (= m (concat hi lo))) lo (extract 31 0 m))"
                " (set_if (not (= m (concat hi lo))) hi (extract 63 32 m)) (flag zf (= m (concat "
                "hi lo)))"},
    {.name = "mfence", .ops = {}, .enc = ": 0F AE F0", .meaning = "(opaque!)"},
    // Control.
    {.name = "jmp",
     .ops = {label("to")},
     .enc = "D: E9 rel32",
     .shape = Shape::Branch,
     .meaning = "(branch true to)"},
    {.name = "jmp_short",
     .ops = {label("to")},
     .enc = "D: EB rel8",
     .print = "jmp",
     .shape = Shape::Branch,
     .internal = true,
     .meaning = "(branch true to)"},
    {.name = "j",
     .ops = {cond("cc"), label("to")},
     .enc = "CD: 0F 80 rel32",
     .flags = {.reads = kArith},
     .shape = Shape::Branch,
     .internal = true,
     .meaning = "(branch (flag_cond! cc) to)"},
    {.name = "j_short",
     .ops = {cond("cc"), label("to")},
     .enc = "CD: 70 rel8",
     .flags = {.reads = kArith},
     .print = "j",
     .shape = Shape::Branch,
     .internal = true,
     .meaning = "(branch (flag_cond! cc) to)"},
    {.name = "jmp_to",
     .widths = W64,
     .ops = {use(gpr_mem("a"))},
     .enc = "M: FF /4 o64",
     .print = "jmp",
     .shape = Shape::Branch,
     .internal = true,
     .meaning = "(opaque!)"},
    {.name = "call",
     .ops = {label("to")},
     .enc = "D: E8 rel32",
     .internal = true,
     .meaning = "(opaque!)"},
    {.name = "call_to",
     .widths = W64,
     .ops = {use(gpr_mem("a"))},
     .enc = "M: FF /2 o64",
     .print = "call",
     .internal = true,
     .meaning = "(opaque!)"},
    {.name = "ret",
     .ops = {},
     .enc = ": C3",
     .shape = Shape::Return,
     .internal = true,
     .meaning = "(opaque!)"},
    {.name = "ret_pop",
     .ops = {imm("n")},
     .enc = "I: C2 iw",
     .print = "ret",
     .shape = Shape::Return,
     .internal = true,
     .meaning = "(opaque!)"},
    {.name = "int3", .ops = {}, .enc = ": CC", .meaning = "(opaque!)"},
    {.name = "hlt", .ops = {}, .enc = ": F4", .meaning = "(opaque!)"},
    {.name = "pause", .ops = {}, .enc = ": F3 90", .meaning = "(opaque!)"},
    {.name = "endbr64", .ops = {}, .enc = ": F3 0F 1E FA", .meaning = "(opaque!)"},
    {.name = "nop", .ops = {}, .enc = ": 90", .meaning = "(opaque!)"},
});

// ---- floats
// ----------------------------------------------------------------------------------------

// Scalar arithmetic in both precisions.
#define GANTRY_X64_SCALAR(op, byte, commutes, fp)                                              \
  sse(op "ss", "RM: F3 0F " byte " /r", "v" op "ss", "RVM: VEX.LIG.F3.0F.WIG " byte " /r",     \
      xmm_mem("b", 32), commutes, "(set a (keep_high! a (" fp " (low32! a) (low32! b))))",     \
      "(set d (keep_high! a (" fp " (low32! a) (low32! b))))") +                               \
      sse(op "sd", "RM: F2 0F " byte " /r", "v" op "sd", "RVM: VEX.LIG.F2.0F.WIG " byte " /r", \
          xmm_mem("b", 64), commutes, "(set a (keep_high! a (" fp " (low64! a) (low64! b))))", \
          "(set d (keep_high! a (" fp " (low64! a) (low64! b))))")
// One source, the rest of the destination from `a`.
#define GANTRY_X64_SCALAR_UNARY(op, byte, fp)                                                  \
  sse(op "ss", "RM: F3 0F " byte " /r", "v" op "ss", "RVM: VEX.LIG.F3.0F.WIG " byte " /r",     \
      xmm_mem("b", 32), false, "(set a (keep_high! a (" fp " (low32! b))))",                   \
      "(set d (keep_high! a (" fp " (low32! b))))") +                                          \
      sse(op "sd", "RM: F2 0F " byte " /r", "v" op "sd", "RVM: VEX.LIG.F2.0F.WIG " byte " /r", \
          xmm_mem("b", 64), false, "(set a (keep_high! a (" fp " (low64! b))))",               \
          "(set d (keep_high! a (" fp " (low64! b))))")
// Whole-register operations, with and without the 66 prefix.
#define GANTRY_X64_WHOLE(name, byte, commutes, expr)                                      \
  sse(name, "RM: 0F " byte " /r", "v" name, "RVM: VEX.128.0F.WIG " byte " /r",            \
      xmm_mem_aligned("b"), commutes, "(set a (" expr " a b))", "(set d (" expr " a b))", \
      Wide::Inherit)
#define GANTRY_X64_WHOLE_66(name, byte, commutes, expr)                                   \
  sse(name, "RM: 66 0F " byte " /r", "v" name, "RVM: VEX.128.66.0F.WIG " byte " /r",      \
      xmm_mem_aligned("b"), commutes, "(set a (" expr " a b))", "(set d (" expr " a b))", \
      Wide::Inherit)
#define GANTRY_X64_LANES(name, prefix, vex, byte, expr)                                         \
  sse(name, "RM: " prefix "0F " byte " /r", "v" name, "RVM: VEX.128." vex "0F.WIG " byte " /r", \
      xmm_mem_aligned("b"), false, "(set a (" expr " a b))", "(set d (" expr " a b))", Wide::Yes)
#define GANTRY_X64_SHIFT_66(name, byte, digit, expr)                                   \
  sse_shift(name, "MI: 66 0F " byte " /" digit " ib", "v" name,                        \
            "VMI: VEX.128.66.0F.WIG " byte " /" digit " ib", "(set a (" expr " a b))", \
            "(set d (" expr " a b))")

inline constexpr auto kFloatRows =
    GANTRY_X64_SCALAR("add", "58", true, "fp.add") +
    GANTRY_X64_SCALAR("mul", "59", true, "fp.mul") +
    GANTRY_X64_SCALAR("sub", "5C", false, "fp.sub") +
    GANTRY_X64_SCALAR("min", "5D", false, "x86_min!") +
    GANTRY_X64_SCALAR("div", "5E", false, "fp.div") +
    GANTRY_X64_SCALAR("max", "5F", false, "x86_max!") +
    GANTRY_X64_SCALAR_UNARY("sqrt", "51", "fp.sqrt") +
    sse("cvtss2sd", "RM: F3 0F 5A /r", "vcvtss2sd", "RVM: VEX.LIG.F3.0F.WIG 5A /r",
        xmm_mem("b", 32), false, "(set a (keep_high! a (to_fp_from_fp 64 (low32! b))))",
        "(set d (keep_high! a (to_fp_from_fp 64 (low32! b))))") +
    sse("cvtsd2ss", "RM: F2 0F 5A /r", "vcvtsd2ss", "RVM: VEX.LIG.F2.0F.WIG 5A /r",
        xmm_mem("b", 64), false, "(set a (keep_high! a (to_fp_from_fp 32 (low64! b))))",
        "(set d (keep_high! a (to_fp_from_fp 32 (low64! b))))") +
    // Register moves that replace the low lane only.
    sse("movss_merge", "RM: F3 0F 10 /r", "vmovss_merge", "RVM: VEX.LIG.F3.0F.WIG 10 /r", xmm("b"),
        false, "(set a (keep_high! a (low32! b)))", "(set d (keep_high! a (low32! b)))") +
    sse("movsd_merge", "RM: F2 0F 10 /r", "vmovsd_merge", "RVM: VEX.LIG.F2.0F.WIG 10 /r", xmm("b"),
        false, "(set a (keep_high! a (low64! b)))", "(set d (keep_high! a (low64! b)))") +
    sse("movhlps", "RM: 0F 12 /r", "vmovhlps", "RVM: VEX.128.0F.WIG 12 /r", xmm("b"), false,
        "(set a (concat (extract 127 64 a) (extract 127 64 b)))",
        "(set d (concat (extract 127 64 a) (extract 127 64 b)))", Wide::Yes) +
    sse("movlhps", "RM: 0F 16 /r", "vmovlhps", "RVM: VEX.128.0F.WIG 16 /r", xmm("b"), false,
        "(set a (concat (extract 63 0 b) (extract 63 0 a)))",
        "(set d (concat (extract 63 0 b) (extract 63 0 a)))", Wide::Yes) +
    GANTRY_X64_WHOLE("andps", "54", true, "bvand") +
    GANTRY_X64_WHOLE_66("andpd", "54", true, "bvand") +
    GANTRY_X64_WHOLE("andnps", "55", false, "bvandnot!") +
    GANTRY_X64_WHOLE_66("andnpd", "55", false, "bvandnot!") +
    GANTRY_X64_WHOLE("orps", "56", true, "bvor") + GANTRY_X64_WHOLE_66("orpd", "56", true, "bvor") +
    GANTRY_X64_WHOLE("xorps", "57", true, "bvxor") +
    GANTRY_X64_WHOLE_66("xorpd", "57", true, "bvxor") +
    GANTRY_X64_WHOLE_66("pand", "DB", true, "bvand") +
    GANTRY_X64_WHOLE_66("pandn", "DF", false, "bvandnot!") +
    GANTRY_X64_WHOLE_66("por", "EB", true, "bvor") +
    GANTRY_X64_WHOLE_66("pxor", "EF", true, "bvxor") +
    GANTRY_X64_WHOLE_66("pcmpeqd", "76", true, "lanes! eq_mask! 32") +
    GANTRY_X64_WHOLE_66("paddq", "D4", true, "lanes! bvadd 64") +
    GANTRY_X64_WHOLE_66("psubq", "FB", false, "lanes! bvsub 64") +
    GANTRY_X64_WHOLE_66("paddd", "FE", true, "lanes! bvadd 32") +
    GANTRY_X64_WHOLE_66("psubd", "FA", false, "lanes! bvsub 32") +
    GANTRY_X64_LANES("unpcklps", "", "", "14", "unpack_low! 32") +
    GANTRY_X64_LANES("unpcklpd", "66 ", "66.", "14", "unpack_low! 64") +
    GANTRY_X64_LANES("unpckhpd", "66 ", "66.", "15", "unpack_high! 64") +
    GANTRY_X64_LANES("punpckldq", "66 ", "66.", "62", "unpack_low! 32") +
    GANTRY_X64_LANES("punpcklqdq", "66 ", "66.", "6C", "unpack_low! 64") +
    GANTRY_X64_WHOLE_66("addpd", "58", true, "lanes! fp.add 64") +
    GANTRY_X64_WHOLE_66("subpd", "5C", false, "lanes! fp.sub 64") +
    GANTRY_X64_SHIFT_66("psrlw", "71", "2", "lanes! bvlshr 16") +
    GANTRY_X64_SHIFT_66("psllw", "71", "6", "lanes! bvshl 16") +
    GANTRY_X64_SHIFT_66("psrld", "72", "2", "lanes! bvlshr 32") +
    GANTRY_X64_SHIFT_66("pslld", "72", "6", "lanes! bvshl 32") +
    GANTRY_X64_SHIFT_66("psrad", "72", "4", "lanes! bvashr 32") +
    GANTRY_X64_SHIFT_66("psrlq", "73", "2", "lanes! bvlshr 64") +
    GANTRY_X64_SHIFT_66("psllq", "73", "6", "lanes! bvshl 64") +
    GANTRY_X64_SHIFT_66("psrldq", "73", "3", "bytes_right!") +
    GANTRY_X64_SHIFT_66("pslldq", "73", "7", "bytes_left!") +
    sse_imm(
        "cmpss", "RMI: F3 0F C2 /r ib", Feature::None, "vcmpss", "RVMI: VEX.LIG.F3.0F.WIG C2 /r ib",
        xmm_mem("b", 32), "(set a (keep_high! a (fp_compare! c (low32! a) (low32! b))))",
        "(set d (keep_high! a (fp_compare! c (low32! a) (low32! b))))", Wide::No, predicate("c")) +
    sse_imm(
        "cmpsd", "RMI: F2 0F C2 /r ib", Feature::None, "vcmpsd", "RVMI: VEX.LIG.F2.0F.WIG C2 /r ib",
        xmm_mem("b", 64), "(set a (keep_high! a (fp_compare! c (low64! a) (low64! b))))",
        "(set d (keep_high! a (fp_compare! c (low64! a) (low64! b))))", Wide::No, predicate("c")) +
    sse_imm("roundss", "RMI: 66 0F 3A 0A /r ib", Feature::Sse41, "vroundss",
            "RVMI: VEX.LIG.66.0F3A.WIG 0A /r ib", xmm_mem("b", 32),
            "(set a (keep_high! a (fp_round! c (low32! b))))",
            "(set d (keep_high! a (fp_round! c (low32! b))))") +
    sse_imm("roundsd", "RMI: 66 0F 3A 0B /r ib", Feature::Sse41, "vroundsd",
            "RVMI: VEX.LIG.66.0F3A.WIG 0B /r ib", xmm_mem("b", 64),
            "(set a (keep_high! a (fp_round! c (low64! b))))",
            "(set d (keep_high! a (fp_round! c (low64! b))))") +
    sse_imm("insertps", "RMI: 66 0F 3A 21 /r ib", Feature::Sse41, "vinsertps",
            "RVMI: VEX.128.66.0F3A.WIG 21 /r ib", xmm_mem("b", 32), "(opaque!)", "(opaque!)",
            Wide::Yes) +
    sse_imm("shufps", "RMI: 0F C6 /r ib", Feature::None, "vshufps", "RVMI: VEX.128.0F.WIG C6 /r ib",
            xmm_mem_aligned("b"), "(set a (shufps! a b c))", "(set d (shufps! a b c))", Wide::Yes) +
    sse_move("movaps", "RM: 0F 28 /r", "vmovaps", "RM: VEX.128.0F.WIG 28 /r", def(xmm("d")),
             use(xmm_mem_aligned("a")), "(set d a)") +
    sse_move("movapd", "RM: 66 0F 28 /r", "vmovapd", "RM: VEX.128.66.0F.WIG 28 /r", def(xmm("d")),
             use(xmm_mem_aligned("a")), "(set d a)") +
    sse_move("movdqa", "RM: 66 0F 6F /r", "vmovdqa", "RM: VEX.128.66.0F.WIG 6F /r", def(xmm("d")),
             use(xmm_mem_aligned("a")), "(set d a)") +
    sse_move("movups", "RM: 0F 10 /r", "vmovups", "RM: VEX.128.0F.WIG 10 /r", def(xmm("d")),
             use(mem("a", 128)), "(set d a)") +
    sse_move("movups_to_mem", "MR: 0F 11 /r", "vmovups_to_mem", "MR: VEX.128.0F.WIG 11 /r",
             def(mem("d", 128)), use(xmm("a")), "(set d a)") +
    sse_move("movdqu", "RM: F3 0F 6F /r", "vmovdqu", "RM: VEX.128.F3.0F.WIG 6F /r", def(xmm("d")),
             use(mem("a", 128)), "(set d a)") +
    sse_move("movdqu_to_mem", "MR: F3 0F 7F /r", "vmovdqu_to_mem", "MR: VEX.128.F3.0F.WIG 7F /r",
             def(mem("d", 128)), use(xmm("a")), "(set d a)") +
    sse_move("movss", "RM: F3 0F 10 /r", "vmovss", "RM: VEX.LIG.F3.0F.WIG 10 /r", def(xmm("d")),
             use(mem("a", 32)), "(set d (zero_ext 128 a))") +
    sse_move("movsd", "RM: F2 0F 10 /r", "vmovsd", "RM: VEX.LIG.F2.0F.WIG 10 /r", def(xmm("d")),
             use(mem("a", 64)), "(set d (zero_ext 128 a))") +
    sse_move("movss_to_mem", "MR: F3 0F 11 /r", "vmovss_to_mem", "MR: VEX.LIG.F3.0F.WIG 11 /r",
             def(mem("d", 32)), use(xmm("a")), "(set d (low32! a))") +
    sse_move("movsd_to_mem", "MR: F2 0F 11 /r", "vmovsd_to_mem", "MR: VEX.LIG.F2.0F.WIG 11 /r",
             def(mem("d", 64)), use(xmm("a")), "(set d (low64! a))");

#define GANTRY_X64_FMA(op, b132, b213, b231, f132, f213, f231)                   \
  {                                                                              \
    {                                                                            \
      fma("vf" op "132ss", "RVM: VEX.LIG.66.0F38.W0 " b132 " /r", 32, f132),     \
          fma("vf" op "132sd", "RVM: VEX.LIG.66.0F38.W1 " b132 " /r", 64, f132), \
          fma("vf" op "213ss", "RVM: VEX.LIG.66.0F38.W0 " b213 " /r", 32, f213), \
          fma("vf" op "213sd", "RVM: VEX.LIG.66.0F38.W1 " b213 " /r", 64, f213), \
          fma("vf" op "231ss", "RVM: VEX.LIG.66.0F38.W0 " b231 " /r", 32, f231), \
          fma("vf" op "231sd", "RVM: VEX.LIG.66.0F38.W1 " b231 " /r", 64, f231)  \
    }                                                                            \
  }

inline constexpr std::array<Row, 6> kFmaddRows =
    GANTRY_X64_FMA("madd", "99", "A9", "B9", "(set a (keep_high! a (fma! a c b)))",
                   "(set a (keep_high! a (fma! b a c)))", "(set a (keep_high! a (fma! b c a)))");
inline constexpr std::array<Row, 6> kFmsubRows = GANTRY_X64_FMA(
    "msub", "9B", "AB", "BB", "(set a (keep_high! a (fma! a c (fp.neg b))))",
    "(set a (keep_high! a (fma! b a (fp.neg c))))", "(set a (keep_high! a (fma! b c (fp.neg a))))");
inline constexpr std::array<Row, 6> kFnmaddRows = GANTRY_X64_FMA(
    "nmadd", "9D", "AD", "BD", "(set a (keep_high! a (fma! (fp.neg a) c b)))",
    "(set a (keep_high! a (fma! (fp.neg b) a c)))", "(set a (keep_high! a (fma! (fp.neg b) c a)))");
inline constexpr std::array<Row, 6> kFnmsubRows = GANTRY_X64_FMA(
    "nmsub", "9F", "AF", "BF", "(set a (keep_high! a (fma! (fp.neg a) c (fp.neg b))))",
    "(set a (keep_high! a (fma! (fp.neg b) a (fp.neg c))))",
    "(set a (keep_high! a (fma! (fp.neg b) c (fp.neg a))))");

inline constexpr auto kMixedRows = std::to_array<Row>({
    // Comparisons into flags: unordered sets ZF, PF and CF.
    {.name = "ucomiss",
     .ops = {use(xmm("a")), use(xmm_mem("b", 32))},
     .enc = "RM: 0F 2E /r",
     .flags = {.writes = kArith},
     .vex_twin = "vucomiss",
     .meaning = "(flags_ucomis! (low32! a) (low32! b))"},
    {.name = "ucomisd",
     .ops = {use(xmm("a")), use(xmm_mem("b", 64))},
     .enc = "RM: 66 0F 2E /r",
     .flags = {.writes = kArith},
     .vex_twin = "vucomisd",
     .meaning = "(flags_ucomis! (low64! a) (low64! b))"},
    {.name = "vucomiss",
     .ops = {use(xmm("a")), use(xmm_mem("b", 32))},
     .enc = "RM: VEX.LIG.0F.WIG 2E /r",
     .flags = {.writes = kArith},
     .needs = Feature::Avx,
     .meaning = "(flags_ucomis! (low32! a) (low32! b))"},
    {.name = "vucomisd",
     .ops = {use(xmm("a")), use(xmm_mem("b", 64))},
     .enc = "RM: VEX.LIG.66.0F.WIG 2E /r",
     .flags = {.writes = kArith},
     .needs = Feature::Avx,
     .meaning = "(flags_ucomis! (low64! a) (low64! b))"},
    {.name = "comiss",
     .ops = {use(xmm("a")), use(xmm_mem("b", 32))},
     .enc = "RM: 0F 2F /r",
     .flags = {.writes = kArith},
     .vex_twin = "vcomiss",
     .meaning = "(flags_ucomis! (low32! a) (low32! b))"},
    {.name = "comisd",
     .ops = {use(xmm("a")), use(xmm_mem("b", 64))},
     .enc = "RM: 66 0F 2F /r",
     .flags = {.writes = kArith},
     .vex_twin = "vcomisd",
     .meaning = "(flags_ucomis! (low64! a) (low64! b))"},
    {.name = "vcomiss",
     .ops = {use(xmm("a")), use(xmm_mem("b", 32))},
     .enc = "RM: VEX.LIG.0F.WIG 2F /r",
     .flags = {.writes = kArith},
     .needs = Feature::Avx,
     .meaning = "(flags_ucomis! (low32! a) (low32! b))"},
    {.name = "vcomisd",
     .ops = {use(xmm("a")), use(xmm_mem("b", 64))},
     .enc = "RM: VEX.LIG.66.0F.WIG 2F /r",
     .flags = {.writes = kArith},
     .needs = Feature::Avx,
     .meaning = "(flags_ucomis! (low64! a) (low64! b))"},
    // Constants made of nothing.
    {.name = "xmm_zero",
     .ops = {def(xmm("d"))},
     .enc = "B: 0F 57 /r",
     .vex_twin = "vxmm_zero",
     .print = "xorps",
     .meaning = "(set d 0)"},
    {.name = "vxmm_zero",
     .ops = {def(xmm("d"))},
     .enc = "B: VEX.128.0F.WIG 57 /r",
     .needs = Feature::Avx,
     .print = "vxorps",
     .meaning = "(set d 0)"},
    {.name = "xmm_ones",
     .ops = {def(xmm("d"))},
     .enc = "B: 66 0F 76 /r",
     .vex_twin = "vxmm_ones",
     .print = "pcmpeqd",
     .meaning = "(set d (bvnot 0))"},
    {.name = "vxmm_ones",
     .ops = {def(xmm("d"))},
     .enc = "B: VEX.128.66.0F.WIG 76 /r",
     .needs = Feature::Avx,
     .print = "vpcmpeqd",
     .meaning = "(set d (bvnot 0))"},
    // Between the register files.
    {.name = "movd",
     .ops = {def(xmm("d")), use(gpr_mem("a", 32))},
     .enc = "RM: 66 0F 6E /r",
     .vex_twin = "vmovd",
     .meaning = "(set d (zero_ext 128 a))"},
    {.name = "vmovd",
     .ops = {def(xmm("d")), use(gpr_mem("a", 32))},
     .enc = "RM: VEX.128.66.0F.W0 6E /r",
     .needs = Feature::Avx,
     .meaning = "(set d (zero_ext 128 a))"},
    {.name = "movq",
     .widths = W64,
     .ops = {def(xmm("d")), use(gpr_mem("a"))},
     .enc = "RM: 66 0F 6E /r",
     .vex_twin = "vmovq",
     .meaning = "(set d (zero_ext 128 a))"},
    {.name = "vmovq",
     .widths = W64,
     .ops = {def(xmm("d")), use(gpr_mem("a"))},
     .enc = "RM: VEX.128.66.0F.Wn 6E /r",
     .needs = Feature::Avx,
     .meaning = "(set d (zero_ext 128 a))"},
    {.name = "movd_to_gpr",
     .ops = {def(gpr("d", 32)), use(xmm("a"))},
     .enc = "MR: 66 0F 7E /r",
     .vex_twin = "vmovd_to_gpr",
     .print = "movd",
     .meaning = "(set d (extract 31 0 a))"},
    {.name = "vmovd_to_gpr",
     .ops = {def(gpr("d", 32)), use(xmm("a"))},
     .enc = "MR: VEX.128.66.0F.W0 7E /r",
     .needs = Feature::Avx,
     .print = "vmovd",
     .meaning = "(set d (extract 31 0 a))"},
    {.name = "movq_to_gpr",
     .widths = W64,
     .ops = {def(gpr("d")), use(xmm("a"))},
     .enc = "MR: 66 0F 7E /r",
     .vex_twin = "vmovq_to_gpr",
     .print = "movq",
     .meaning = "(set d (extract 63 0 a))"},
    {.name = "vmovq_to_gpr",
     .widths = W64,
     .ops = {def(gpr("d")), use(xmm("a"))},
     .enc = "MR: VEX.128.66.0F.Wn 7E /r",
     .needs = Feature::Avx,
     .print = "vmovq",
     .meaning = "(set d (extract 63 0 a))"},
    {.name = "movmskps",
     .ops = {def(gpr("d", 32)), use(xmm("a"))},
     .enc = "RM: 0F 50 /r",
     .meaning = "(set d (sign_bits! 32 a))"},
    {.name = "movmskpd",
     .ops = {def(gpr("d", 32)), use(xmm("a"))},
     .enc = "RM: 66 0F 50 /r",
     .meaning = "(set d (sign_bits! 64 a))"},
    {.name = "cvtsi2ss",
     .widths = kInt32,
     .ops = {modify(xmm("a")), use(gpr_mem("b"))},
     .enc = "RM: F3 0F 2A /r",
     .vex_twin = "vcvtsi2ss",
     .meaning = "(set a (keep_high! a (to_fp 32 b)))"},
    {.name = "vcvtsi2ss",
     .widths = kInt32,
     .ops = {def(xmm("d")), use(xmm("a")), use(gpr_mem("b"))},
     .enc = "RVM: VEX.LIG.F3.0F.Wn 2A /r",
     .needs = Feature::Avx,
     .meaning = "(set d (keep_high! a (to_fp 32 b)))"},
    {.name = "cvtsi2sd",
     .widths = kInt32,
     .ops = {modify(xmm("a")), use(gpr_mem("b"))},
     .enc = "RM: F2 0F 2A /r",
     .vex_twin = "vcvtsi2sd",
     .meaning = "(set a (keep_high! a (to_fp 64 b)))"},
    {.name = "vcvtsi2sd",
     .widths = kInt32,
     .ops = {def(xmm("d")), use(xmm("a")), use(gpr_mem("b"))},
     .enc = "RVM: VEX.LIG.F2.0F.Wn 2A /r",
     .needs = Feature::Avx,
     .meaning = "(set d (keep_high! a (to_fp 64 b)))"},
    {.name = "cvttss2si",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(xmm_mem("a", 32))},
     .enc = "RM: F3 0F 2C /r",
     .vex_twin = "vcvttss2si",
     .meaning = "(set d (x86_truncate! W (low32! a)))"},
    {.name = "vcvttss2si",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(xmm_mem("a", 32))},
     .enc = "RM: VEX.LIG.F3.0F.Wn 2C /r",
     .needs = Feature::Avx,
     .meaning = "(set d (x86_truncate! W (low32! a)))"},
    {.name = "cvttsd2si",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(xmm_mem("a", 64))},
     .enc = "RM: F2 0F 2C /r",
     .vex_twin = "vcvttsd2si",
     .meaning = "(set d (x86_truncate! W (low64! a)))"},
    {.name = "vcvttsd2si",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(xmm_mem("a", 64))},
     .enc = "RM: VEX.LIG.F2.0F.Wn 2C /r",
     .needs = Feature::Avx,
     .meaning = "(set d (x86_truncate! W (low64! a)))"},
    {.name = "cvtss2si",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(xmm_mem("a", 32))},
     .enc = "RM: F3 0F 2D /r",
     .meaning = "(set d (x86_round_to_int! W (low32! a)))"},
    {.name = "cvtsd2si",
     .widths = kInt32,
     .ops = {def(gpr("d")), use(xmm_mem("a", 64))},
     .enc = "RM: F2 0F 2D /r",
     .meaning = "(set d (x86_round_to_int! W (low64! a)))"},
    {.name = "pshufd",
     .ops = {def(xmm("d")), use(xmm_mem_aligned("a")), imm("c")},
     .enc = "RMI: 66 0F 70 /r ib",
     .vex_twin = "vpshufd",
     .wide = Wide::Yes,
     .meaning = "(set d (pshufd! a c))"},
    {.name = "vpshufd",
     .ops = {def(xmm("d")), use(xmm_mem("a", 128)), imm("c")},
     .enc = "RMI: VEX.128.66.0F.WIG 70 /r ib",
     .needs = Feature::Avx,
     .wide = Wide::Yes,
     .meaning = "(set d (pshufd! a c))"},
    // Lanes. Extracts of bytes and words clear the rest of the register.
    {.name = "pextrb",
     .ops = {def(gpr("d", 32)), use(xmm("a")), imm("c")},
     .enc = "MRI: 66 0F 3A 14 /r ib",
     .needs = Feature::Sse41,
     .meaning = "(set d (zero_ext 32 (lane! 8 a c)))"},
    {.name = "pextrw",
     .ops = {def(gpr("d", 32)), use(xmm("a")), imm("c")},
     .enc = "RMI: 66 0F C5 /r ib",
     .meaning = "(set d (zero_ext 32 (lane! 16 a c)))"},
    {.name = "pextrd",
     .ops = {def(gpr("d", 32)), use(xmm("a")), imm("c")},
     .enc = "MRI: 66 0F 3A 16 /r ib",
     .needs = Feature::Sse41,
     .meaning = "(set d (lane! 32 a c))"},
    {.name = "pextrq",
     .widths = W64,
     .ops = {def(gpr("d")), use(xmm("a")), imm("c")},
     .enc = "MRI: 66 0F 3A 16 /r ib",
     .needs = Feature::Sse41,
     .meaning = "(set d (lane! 64 a c))"},
    {.name = "pinsrb",
     .ops = {modify(xmm("a")), use(gpr("b", 32)), imm("c")},
     .enc = "RMI: 66 0F 3A 20 /r ib",
     .needs = Feature::Sse41,
     .wide = Wide::Yes,
     .meaning = "(set a (with_lane! 8 a b c))"},
    {.name = "pinsrw",
     .ops = {modify(xmm("a")), use(gpr("b", 32)), imm("c")},
     .enc = "RMI: 66 0F C4 /r ib",
     .wide = Wide::Yes,
     .meaning = "(set a (with_lane! 16 a b c))"},
    {.name = "pinsrd",
     .ops = {modify(xmm("a")), use(gpr_mem("b", 32)), imm("c")},
     .enc = "RMI: 66 0F 3A 22 /r ib",
     .needs = Feature::Sse41,
     .wide = Wide::Yes,
     .meaning = "(set a (with_lane! 32 a b c))"},
    {.name = "pinsrq",
     .widths = W64,
     .ops = {modify(xmm("a")), use(gpr_mem("b")), imm("c")},
     .enc = "RMI: 66 0F 3A 22 /r ib",
     .needs = Feature::Sse41,
     .wide = Wide::Yes,
     .meaning = "(set a (with_lane! 64 a b c))"},
});

// ---- pseudo-instructions
// --------------------------------------------------------------------------- Each demands a
// function emit_pseudo_NAME (emit_pseudo.h); the generated switch does not link without it.

inline constexpr auto kPseudoRows = std::to_array<Row>({
    // The function's parameters appear in their registers.
    {.name = "args",
     .ops = {list("regs")},
     .shape = Shape::Pseudo,
     .internal = true,
     .max_bytes = 0,
     .meaning = "(opaque!)"},
    // Epilogue and return, by the frame hook.
    {.name = "rets",
     .ops = {data("info"), list("regs")},
     .shape = Shape::Pseudo,
     .ends_block = true,
     .internal = true,
     .max_bytes = 0,
     .meaning = "(opaque!)"},
    // Calls: `call` is the CallId; the call hook records what belongs to the return address.
    {.name = "call_known",
     .ops = {imm("call"), list("regs")},
     .shape = Shape::Pseudo,
     .internal = true,
     .max_bytes = 0,
     .meaning = "(opaque!)"},
    {.name = "call_unknown",
     .ops = {imm("call"), use(gpr_mem("a", 64)), list("regs")},
     .shape = Shape::Pseudo,
     .internal = true,
     .max_bytes = 0,
     .meaning = "(opaque!)"},
    {.name = "return_call_known",
     .ops = {imm("call"), list("regs")},
     .shape = Shape::Pseudo,
     .ends_block = true,
     .internal = true,
     .max_bytes = 0,
     .meaning = "(opaque!)"},
    {.name = "return_call_unknown",
     .ops = {imm("call"), use(gpr("a")), list("regs")},
     .shape = Shape::Pseudo,
     .ends_block = true,
     .internal = true,
     .max_bytes = 0,
     .meaning = "(opaque!)"},
    // Leaves this stack for another, until somebody comes back to it. `call` is for what belongs to
    // the return address, which is the end of the sequence.
    {.name = "stack_switch_call",
     .ops = {imm("call"), list("regs")},
     .shape = Shape::Pseudo,
     .internal = true,
     .max_bytes = 0,
     .meaning = "(opaque!)"},
    // To `then` if the condition holds, else to `otherwise`.
    {.name = "jcc_both",
     .ops = {cond("cc"), label("then"), label("otherwise")},
     .flags = {.reads = kArith},
     .shape = Shape::Pseudo,
     .ends_block = true,
     .max_bytes = 12,
     .meaning = "(branch (flag_cond! cc) then) (branch true otherwise)"},
    // To `then` if either condition holds.
    {.name = "jcc_either",
     .ops = {cond("cc"), cond("cc2"), label("then"), label("otherwise")},
     .flags = {.reads = kArith},
     .shape = Shape::Pseudo,
     .ends_block = true,
     .max_bytes = 18,
     .meaning =
         "(branch (flag_cond! cc) then) (branch (flag_cond! cc2) then) (branch true otherwise)"},
    // Jumps to targets[index]; the index is known to be in range. `table` names the list of
    // targets.
    {.name = "jmp_table_seq",
     .ops = {use(late(gpr("index"))), temp(gpr("t")), temp(gpr("u")), imm("table")},
     .shape = Shape::Pseudo,
     .ends_block = true,
     .max_bytes = 0,
     .meaning = "(opaque!)"},
    // The same for tables of which few entries differ from the default, the last of the list, where
    // every other index goes: compares and branches.
    {.name = "jmp_cases_seq",
     .ops = {use(gpr("index")), imm("table")},
     .shape = Shape::Pseudo,
     .ends_block = true,
     .max_bytes = 0,
     .meaning = "(opaque!)"},
    // The register that enable_pinned_reg reserves (r15), which no operand can name.
    {.name = "read_pinned",
     .ops = {def(gpr("d"))},
     .shape = Shape::Pseudo,
     .max_bytes = 3,
     .meaning = "(opaque!)"},
    {.name = "write_pinned",
     .ops = {use(gpr("a"))},
     .shape = Shape::Pseudo,
     .max_bytes = 3,
     .meaning = "(opaque!)"},
    // There is no conditional move of xmm registers: a branch around a move.
    {.name = "xmm_cmov",
     .ops = {cond("cc"), modify(xmm("a")), use(xmm("b"))},
     .flags = {.reads = kArith},
     .shape = Shape::Pseudo,
     .max_bytes = 10,
     .meaning = "(set a (if (flag_cond! cc) b a))"},
    // Traps with the code if the condition holds.
    {.name = "trap_if",
     .ops = {cond("cc"), trap_code("code")},
     .flags = {.reads = kArith},
     .shape = Shape::Pseudo,
     .max_bytes = 8,
     .meaning = "(trap (flag_cond! cc) code)"},
    {.name = "ud2",
     .ops = {trap_code("code")},
     .shape = Shape::Pseudo,
     .ends_block = true,
     .max_bytes = 2,
     .meaning = "(trap true code)"},
    // Addresses of external names: through the linker's table of addresses, or relative to the
    // code.
    {.name = "load_ext_name_got",
     .ops = {def(gpr("d")), imm("name")},
     .shape = Shape::Pseudo,
     .max_bytes = 15,
     .meaning = "(opaque!)"},
    {.name = "load_ext_name_near",
     .ops = {def(gpr("d")), imm("name")},
     .shape = Shape::Pseudo,
     .max_bytes = 7,
     .meaning = "(opaque!)"},
    {.name = "load_ext_name_far",
     .ops = {def(gpr("d")), imm("name")},
     .shape = Shape::Pseudo,
     .max_bytes = 10,
     .meaning = "(opaque!)"},
    // Addresses of this thread's copy of a variable. By a call, as ELF and Mach-O have it (`model`:
    // TlsModel), the symbol
    // being the call's name; or, on Windows, through the table of the module's thread-local areas,
    // whose entry's number
    // is in the variable `table`.
    {.name = "tls_call",
     .ops = {imm("call"), data("model"), list("regs")},
     .shape = Shape::Pseudo,
     .internal = true,
     .max_bytes = 0,
     .meaning = "(opaque!)"},
    {.name = "tls_table_seq",
     .ops = {def(gpr("d")), temp(gpr("t")), imm("name"), data("table")},
     .shape = Shape::Pseudo,
     .max_bytes = 29,
     .meaning = "(opaque!)"},
    // Eight times `words` bytes, which is not 0, from `from` to `to`; the areas do not overlap.
    {.name = "copy_words_seq",
     .ops = {use(late(gpr("from", 64))), use(late(gpr("to", 64))), temp(gpr("t", 64)),
             temp(gpr("n", 64)), imm("words")},
     .flags = {.undefined = kArith},
     .shape = Shape::Pseudo,
     .max_bytes = 32,
     .meaning = "(opaque!)"},
    // IEEE minimum and maximum: NaN wins, -0 is below +0. `bits` is 32 or 64.
    {.name = "xmm_min_seq",
     .ops = {def(early(xmm("d"))), use(xmm("a")), use(late(xmm("b"))), imm("bits")},
     .flags = {.undefined = kArith},
     .shape = Shape::Pseudo,
     .max_bytes = 48,
     .meaning = "(set d (fp.min a b))"},
    {.name = "xmm_max_seq",
     .ops = {def(early(xmm("d"))), use(xmm("a")), use(late(xmm("b"))), imm("bits")},
     .flags = {.undefined = kArith},
     .shape = Shape::Pseudo,
     .max_bytes = 48,
     .meaning = "(set d (fp.max a b))"},
    // d = old *m; *m = op(old, b), by a compare-and-exchange loop. `op`: AtomicOp; `bits`: 8 to 64.
    {.name = "atomic_rmw_seq",
     .widths = kInt,
     .ops = {use(late(mem("m"))), use(late(gpr("b"))), temp(gpr("t")),
             def(early(in(Fix::Rax, "d"))), imm("op")},
     .flags = {.undefined = kArith},
     .shape = Shape::Pseudo,
     .max_bytes = 80,
     .meaning = "(opaque!)"},
});

inline constexpr auto kRows = kMoveRows + kAluRows + kIntegerRows + kFloatRows + kFmaddRows +
                              kFmsubRows + kFnmaddRows + kFnmsubRows + kMixedRows + kPseudoRows;

#undef GANTRY_X64_SCALAR
#undef GANTRY_X64_SCALAR_UNARY
#undef GANTRY_X64_WHOLE
#undef GANTRY_X64_WHOLE_66
#undef GANTRY_X64_SHIFT_66
#undef GANTRY_X64_LANES
#undef GANTRY_X64_FMA

// clang-format on

}  // namespace gantry::isa::x64::meta
