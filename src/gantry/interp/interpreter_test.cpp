#include "gantry/interp/interpreter.h"

#include <gtest/gtest.h>

#include <charconv>
#include <deque>
#include <set>

#include "gantry/interp/bits.h"
#include "gantry/ir/builder.h"
#include "gantry/meta/codes.h"

namespace gantry::interp {
namespace {

using ir::Builder;
using ir::DataValue;
using ir::Function;
using ir::Opcode;
using ir::Type;
using ir::Value;
using Kind = Outcome::Kind;

std::string hex(u128 value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[static_cast<u32>(value & 15)]);
    value >>= 4;
  } while (value != 0);
  return digits;
}

// `1 80` or `trap 254`.
std::string text_of(const Outcome& outcome) {
  switch (outcome.kind) {
    case Kind::Trapped:
      return "trap " + std::to_string(outcome.trap.code);
    case Kind::OutOfFuel:
      return "out of fuel";
    case Kind::Unsupported:
      return "unsupported: " + outcome.message;
    case Kind::BadInput:
      return "bad input: " + outcome.message;
    case Kind::Returned:
      break;
  }
  std::string text;
  for (const DataValue& value : outcome.results)
    text += (text.empty() ? "" : " ") + hex(value.bits());
  return text;
}

void set_returns(Function& func, std::span<const Value> values) {
  for (const Value value : values) func.signature.returns.push_back({func.dfg.type(value)});
}
void finish(Builder& build, std::initializer_list<Value> values) {
  set_returns(build.func(), {values.begin(), values.size()});
  build.return_({values.begin(), values.size()});
}

// ---- single instructions, from rows of text

constexpr std::string_view kRows[] = {
#include "opcode_rows.inc"
};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const usize end = text.find(' ');
    if (end != 0) words.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return words;
}

bool hex_number(std::string_view text, u128& value) {
  value = 0;
  for (const char c : text) {
    const usize digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) return false;
    value = value << 4 | digit;
  }
  return !text.empty();
}

Opcode opcode_of_row(std::string_view row) {
  const std::optional<Opcode> op = ir::opcode_from_name(row.substr(0, row.find_first_of(". ")));
  EXPECT_TRUE(op.has_value()) << row;
  return op.value_or(Opcode::Nop);
}

u8 condition(Opcode op, std::string_view word) {
  const std::span<const meta::CondDef> table =
      op == Opcode::Icmp ? std::span<const meta::CondDef>(meta::kIntConds)
                         : std::span<const meta::CondDef>(meta::kFloatConds);
  for (usize i = 0; i < table.size(); ++i) {
    if (table[i].name == word) return static_cast<u8>(i);
  }
  ADD_FAILURE() << word;
  return 0;
}

// Runs the instruction of a row; what came out, and what the row says.
std::pair<std::string, std::string> run_row(std::string_view row) {
  const std::vector<std::string_view> words = words_of(row);
  const Opcode op = opcode_of_row(row);
  const usize dot = words[0].find('.');
  const Type control =
      dot == std::string_view::npos ? Type() : ir::type_from_name(words[0].substr(dot + 1));
  Function func;
  Builder build(func);
  const ir::Block entry = build.create_block();
  build.switch_to_block(entry);
  ir::InstData data;
  data.opcode = op;
  std::vector<DataValue> args;
  usize at = 1;
  for (; at < words.size() && words[at] != "="; ++at) {
    const std::string_view word = words[at];
    const usize colon = word.find(':');
    u128 bits = 0;
    if (word[0] == '#') {
      u32 number = 0;
      std::from_chars(word.data() + 1, word.data() + word.size(), number);
      data.aux = static_cast<u8>(number);
    } else if (word[0] == '%') {
      EXPECT_TRUE(hex_number(word.substr(1), bits)) << row;
      data.words[2] =
          func.dfg.add_shuffle_mask(DataValue::from_bits(ir::kI8.by(16), bits).bytes).index();
    } else if (op == Opcode::Bitcast && (word == "little" || word == "big")) {
      ir::MemFlags flags;
      flags.byte_order = word == "big" ? ir::ByteOrder::Big : ir::ByteOrder::Little;
      data.flags = func.dfg.intern(flags).index;
    } else if ((op == Opcode::Icmp || op == Opcode::Fcmp) && at == 1) {
      data.aux = condition(op, word);
    } else {
      EXPECT_TRUE(hex_number(word.substr(0, colon), bits)) << row;
      const Type type =
          colon == std::string_view::npos ? control : ir::type_from_name(word.substr(colon + 1));
      EXPECT_TRUE(type.is_valid() && (bits & ~mask_of(type.bits())) == 0) << row;
      data.set_arg(static_cast<u32>(args.size()), func.dfg.append_block_param(entry, type));
      func.signature.params.push_back({type});
      args.push_back(DataValue::from_bits(type, bits));
    }
  }
  const ir::Inst inst = build.insert(data, control);
  set_returns(func, func.dfg.results(inst));
  const std::span<const Value> results = func.dfg.results(inst);
  build.return_(std::vector<Value>(results.begin(), results.end()));
  std::string expected;
  for (++at; at < words.size(); ++at) {
    std::string word(words[at]);
    word.erase(0, std::min(word.find_first_not_of('0'), word.size() - 1));
    expected += (expected.empty() ? "" : " ") + word;
  }
  return {text_of(Interpreter({}).run(func, args)), expected};
}

TEST(Opcodes, give_what_their_rows_say) {
  for (const std::string_view row : kRows) {
    const auto [found, expected] = run_row(row);
    EXPECT_EQ(found, expected) << row;
  }
}

// ---- small functions for what needs memory, constants or control

struct Scene {
  std::string_view expected;
  void (*make)(std::deque<Function>& funcs);  // runs the first, which takes nothing
};

Builder start(Function& func) {
  Builder build(func);
  build.switch_to_block(build.create_block());
  return build;
}
Value slot_address(Builder& build, u32 size, i32 offset = 0) {
  return build.stack_addr(ir::kI64, build.func().stack_slots.push({size, 0, {}}), offset);
}
ir::FuncRef declare(Function& func, const Function& callee) {
  return func.dfg.ext_funcs.push({func.intern_test_name(callee.name.text),
                                  func.dfg.signatures.push(callee.signature), false, false});
}
// `%sum(i64, i64) -> i64, i64` gives x + y and x - y.
Function& add_sum(std::deque<Function>& funcs, ir::CallConv conv = ir::CallConv::Tail) {
  Function& func = funcs.emplace_back();
  func.name = {false, {}, "sum"};
  func.signature.call_conv = conv;
  func.signature.params = {{ir::kI64}, {ir::kI64}};
  Builder build = start(func);
  const Value x = func.dfg.append_block_param(build.current_block(), ir::kI64);
  const Value y = func.dfg.append_block_param(build.current_block(), ir::kI64);
  const Value sum = build.iadd(x, y), rest = build.isub(x, y);
  finish(build, {sum, rest});
  return func;
}

const Scene kScenes[] = {
    {"ff 8000 7fc00001 8000000000000001 7c01 1 80000000000000000000000000000003 4",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       const auto bytes = [](u8 low, u8 high) {
         std::array<u8, 16> all{};
         all[0] = low;
         all[15] = high;
         return all;
       };
       const Value v = build.vconst(ir::kI32.by(4), funcs[0].dfg.add_constant(bytes(3, 0x80)));
       const Value f = build.f128const(funcs[0].dfg.add_constant(bytes(1, 0)));
       const Value c8 = build.iconst(ir::kI8, -1), c16 = build.iconst(ir::kI16, -0x8000);
       const Value c64 = build.iconst(ir::kI64, i64{-0x7fffffffffffffff}),
                   c32 = build.f32const({0x7fc00001});
       const Value h = build.f16const({0x7c01}), d = build.f64const({4});
       build.nop();
       build.fence();
       build.sequence_point();
       build.debugtrap();
       finish(build, {c8, c16, c32, c64, h, f, v, d});
     }},
    // Loads of all widths from 88 f7 e6 d5 c4 b3 a2 91.
    {"91a2b3c4d5e6f788 88 ff88 f788 fffff788 d5e6f788 ffffffffd5e6f788 "
     "9100a200b300c400d500e600f70088 ff91ffa2ffb3ffc4ffd5ffe6fff7ff88 "
     "91a20000b3c40000d5e60000f788 ffff91a2ffffb3c4ffffd5e6fffff788 91a2b3c400000000d5e6f788 "
     "ffffffff91a2b3c4ffffffffd5e6f788 "
     "88f7e6d5c4b3a291",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       const ir::MemFlags flags;
       const Value p = slot_address(build, 16, 12);
       const Value word = build.iconst(ir::kI64, static_cast<i64>(0x91a2b3c4d5e6f788));
       build.store(flags, word, p, -4);
       ir::MemFlags big;
       big.byte_order = ir::ByteOrder::Big;
       finish(build, {build.load(ir::kI64, flags, p, -4), build.uload8(ir::kI16, flags, p, -4),
                      build.sload8(ir::kI16, flags, p, -4), build.uload16(ir::kI32, flags, p, -4),
                      build.sload16(ir::kI32, flags, p, -4), build.uload32(flags, p, -4),
                      build.sload32(flags, p, -4), build.uload8x8(flags, p, -4),
                      build.sload8x8(flags, p, -4), build.uload16x4(flags, p, -4),
                      build.sload16x4(flags, p, -4), build.uload32x2(flags, p, -4),
                      build.sload32x2(flags, p, -4), build.load(ir::kI64, big, p, -4)});
     }},
    {"88 f788 d5e6f788 88000000d5e6f788",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       const ir::MemFlags flags;
       const Value p = slot_address(build, 32);
       const Value word = build.iconst(ir::kI64, static_cast<i64>(0x91a2b3c4d5e6f788));
       build.istore8(flags, word, p, 0);
       build.istore16(flags, word, p, 8);
       build.istore32(flags, word, p, 16);
       build.istore8(flags, word, p, 23);
       finish(build, {build.load(ir::kI64, flags, p, 0), build.load(ir::kI64, flags, p, 8),
                      build.load(ir::kI32, flags, p, 16), build.load(ir::kI64, flags, p, 16)});
     }},
    // Lane 0 stays first in big-endian memory.
    {"3412785600000000",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       ir::MemFlags big;
       big.byte_order = ir::ByteOrder::Big;
       const Value p = slot_address(build, 8);
       const std::array<u8, 8> lanes{0, 0, 0, 0, 0x78, 0x56, 0x34, 0x12};
       build.store(big, build.vconst(ir::kI16.by(4), funcs[0].dfg.add_constant(lanes)), p, 0);
       finish(build, {build.load(ir::kI64, ir::MemFlags{}, p, 0)});
     }},
    // One row of old values, then what is there at the end.
    {"5 3 fb f8 7 f 5 9 2 fe 4 fc fc 2",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       const ir::MemFlags flags;
       const Value p = slot_address(build, 1);
       const auto c = [&](i64 value) { return build.iconst(ir::kI8, value); };
       build.atomic_store(flags, c(5), p);
       using Op = ir::AtomicRmwOp;
       const auto rmw = [&](Op op, i64 x) { return build.atomic_rmw(ir::kI8, flags, op, p, c(x)); };
       const Value a = rmw(Op::Sub, 2);                          // 5 -> 3
       const Value b = rmw(Op::Add, -8);                         // 3 -> fb
       const Value d = rmw(Op::And, 0xfc);                       // fb -> f8
       const Value e = rmw(Op::Nand, 0xf8);                      // f8 -> 07
       const Value f = rmw(Op::Or, 8);                           // 07 -> 0f
       const Value g = rmw(Op::Xor, 10);                         // 0f -> 05
       const Value h = rmw(Op::Xchg, 9);                         // 05 -> 09
       const Value i = rmw(Op::Umin, 2);                         // 09 -> 02
       const Value j = rmw(Op::Smin, -2);                        // 02 -> fe
       const Value k = rmw(Op::Smax, 4);                         // fe -> 04
       const Value l = rmw(Op::Umax, -4);                        // 04 -> fc
       const Value m = build.atomic_cas(flags, p, c(1), c(3));   // fc stays
       const Value n = build.atomic_cas(flags, p, c(-4), c(2));  // fc -> 02
       finish(build, {a, b, d, e, f, g, h, i, j, k, l, m, n, build.atomic_load(ir::kI8, flags, p)});
     }},
    {"trap 253",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       finish(build, {build.load(ir::kI64, ir::MemFlags{}, slot_address(build, 8, 1), 0)});
     }},
    {"trap 17",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       ir::MemFlags flags;
       flags.trap = {17};
       build.store(flags, build.iconst(ir::kI8, 1), build.iconst(ir::kI64, 0), -1);
       finish(build, {});
     }},
    {"trap 3",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       const Value zero = build.iconst(ir::kI8, 0);
       build.trapnz(zero, {1});
       build.trapz(zero, {3});
       finish(build, {});
     }},
    {"trap 9",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       build.trap({9});
     }},
    {"7b",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       build.set_pinned_reg(build.iconst(ir::kI64, 123));
       finish(build, {build.get_pinned_reg(ir::kI64)});
     }},
    // Block arguments bind in parallel; a br_table beyond its end takes the default.
    {"a14 b0a",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       const ir::Block swap = build.create_block(), out = build.create_block(),
                       table = build.create_block();
       const auto params = [&](ir::Block block) {
         const Value first = funcs[0].dfg.append_block_param(block, ir::kI32);
         return std::pair(first, funcs[0].dfg.append_block_param(block, ir::kI32));
       };
       const auto [x, y] = params(swap);
       const auto [q, r] = params(table);
       const auto [s, t] = params(out);
       const Value ten = build.iconst(ir::kI32, 10), twenty = build.iconst(ir::kI32, 20);
       build.jump(build.block_call(swap, {ten, twenty}));
       build.switch_to_block(swap);
       const Value at_start = build.icmp(ir::IntCC::Equal, x, ten);
       build.brif(at_start, build.block_call(swap, {y, x}), build.block_call(table, {x, y}));
       build.switch_to_block(table);
       const Value more = build.iadd_imm_s(q, 0xa00), other = build.iadd_imm_s(r, 0xb00);
       build.br_table(ten, funcs[0].dfg.jump_tables.push(
                               {build.block_call(out, {more, other}),
                                {build.block_call(out, {q, q}), build.block_call(out, {r, r})}}));
       build.switch_to_block(out);
       finish(build, {s, t});
     }},
    {"1e a a ffffffffffffffe2",
     [](std::deque<Function>& funcs) {
       Function& sum = add_sum(funcs);
       Builder build = start(funcs[0]);
       const ir::FuncRef ref = declare(funcs[0], sum);
       const Value ten = build.iconst(ir::kI64, 10), twenty = build.iconst(ir::kI64, 20);
       const ir::Inst first = build.call(ref, std::array{twenty, ten});
       const std::vector<Value> got(funcs[0].dfg.results(first).begin(),
                                    funcs[0].dfg.results(first).end());
       const Value address = build.func_addr(ir::kI64, ref);
       const ir::SigRef signature = funcs[0].dfg.ext_funcs[ref].signature;
       const Value minus = build.ineg(twenty);
       const ir::Inst second = build.call_indirect(signature, address, std::array{minus, ten});
       const Value difference = funcs[0].dfg.results(second)[1];
       ir::GlobalValueData symbol;
       symbol.type = ir::kI64;
       symbol.name = funcs[0].intern_test_name("sum");
       const Value same = build.symbol_value(ir::kI64, funcs[0].global_values.push(symbol));
       const Value equal = build.isub(same, address);
       const Value third = build.iadd(got[1], equal);
       finish(build, {got[0], got[1], third, difference});
     }},
    {"1e a",
     [](std::deque<Function>& funcs) {
       Function& sum = add_sum(funcs);
       funcs[0].signature.call_conv = ir::CallConv::Tail;
       funcs[0].signature.returns = sum.signature.returns;
       Builder build = start(funcs[0]);
       const ir::FuncRef ref = declare(funcs[0], sum);
       build.return_call(ref, std::array{build.iconst(ir::kI64, 20), build.iconst(ir::kI64, 10)});
     }},
    {"1e a",
     [](std::deque<Function>& funcs) {
       Function& sum = add_sum(funcs);
       funcs[0].signature.call_conv = ir::CallConv::Tail;
       funcs[0].signature.returns = sum.signature.returns;
       Builder build = start(funcs[0]);
       const ir::FuncRef ref = declare(funcs[0], sum);
       const Value address = build.func_addr(ir::kI64, ref);
       const ir::SigRef signature = funcs[0].dfg.ext_funcs[ref].signature;
       build.return_call_indirect(
           signature, address, std::array{build.iconst(ir::kI64, 20), build.iconst(ir::kI64, 10)});
     }},
    // The normal edges of a try_call and a try_call_indirect, the second fed by the first.
    {"a 1e",
     [](std::deque<Function>& funcs) {
       Function& sum = add_sum(funcs);
       Builder build = start(funcs[0]);
       const ir::FuncRef ref = declare(funcs[0], sum);
       const ir::SigRef signature = funcs[0].dfg.ext_funcs[ref].signature;
       const ir::Block next = build.create_block(), last = build.create_block();
       const Value x = funcs[0].dfg.append_block_param(next, ir::kI64),
                   y = funcs[0].dfg.append_block_param(next, ir::kI64);
       const Value z = funcs[0].dfg.append_block_param(last, ir::kI64);
       const auto table = [&](ir::Block to, bool both) {
         ir::BlockCall call = build.block_call(to);
         call.push(ir::BlockArg::try_return(both ? 0 : 1), funcs[0].dfg.lists());
         if (both) call.push(ir::BlockArg::try_return(1), funcs[0].dfg.lists());
         return funcs[0].dfg.exception_tables.push({PackedOption<ir::SigRef>(signature), call, {}});
       };
       const Value address = build.func_addr(ir::kI64, ref);
       build.try_call(ref, std::array{build.iconst(ir::kI64, 20), build.iconst(ir::kI64, 10)},
                      table(next, true));
       build.switch_to_block(next);
       build.try_call_indirect(address, std::array{x, y}, table(last, false));
       build.switch_to_block(last);
       const Value sum_of = build.iadd(z, y);
       finish(build, {y, sum_of});
     }},
    {"unsupported: get_frame_pointer in %main",
     [](std::deque<Function>& funcs) {
       Builder build = start(funcs[0]);
       finish(build, {build.get_frame_pointer(ir::kI64)});
     }},
};

std::string run_scene(const Scene& scene, std::set<Opcode>* used = nullptr, Options options = {}) {
  std::deque<Function> funcs(1);
  funcs[0].name = {false, {}, "main"};
  scene.make(funcs);
  Interpreter interpreter(options);
  for (const Function& func : funcs) {
    interpreter.add_function(func);
    for (u32 i = 0; used != nullptr && i < func.dfg.num_insts(); ++i) {
      used->insert(func.dfg.opcode(ir::Inst::from_index(i)));
    }
  }
  return text_of(interpreter.run(funcs[0], {}));
}

TEST(Opcodes, do_what_their_scenes_say) {
  for (const Scene& scene : kScenes) EXPECT_EQ(run_scene(scene), scene.expected);
}

struct Unsupported {
  Opcode opcode;
  std::string_view why;
};
constexpr Unsupported kUnsupported[] = {
    {Opcode::StackSwitch, "there is one stack"},
    {Opcode::DynamicStackAddr, "dynamic vectors"},
    {Opcode::ExtractVector, "dynamic vectors"},
    {Opcode::TlsValue, "there are no threads"},
    {Opcode::GetFramePointer, "frames have no address"},
    {Opcode::GetStackPointer, "frames have no address"},
    {Opcode::GetReturnAddress, "instructions have no address"},
    {Opcode::GetExceptionHandlerAddress, "instructions have no address"},
};

TEST(Opcodes, are_all_covered) {
  std::set<Opcode> covered;
  for (const std::string_view row : kRows) covered.insert(opcode_of_row(row));
  for (const Scene& scene : kScenes) run_scene(scene, &covered);
  for (const Unsupported& row : kUnsupported) covered.insert(row.opcode);
  for (u32 i = 0; i < meta::kNumOpcodes; ++i) {
    EXPECT_TRUE(covered.contains(static_cast<Opcode>(i))) << ir::name_of(static_cast<Opcode>(i));
  }
}

// ---- the machine

Function& add_counting_loop(std::deque<Function>& funcs) {
  Function& func = funcs.emplace_back();
  Builder build(func);
  func.signature.params = {{ir::kI64}};
  func.signature.returns = {{ir::kI64}};
  const ir::Block entry = build.create_block(), loop = build.create_block(),
                  done = build.create_block();
  const Value count = func.dfg.append_block_param(entry, ir::kI64);
  const Value i = func.dfg.append_block_param(loop, ir::kI64),
              sum = func.dfg.append_block_param(loop, ir::kI64);
  build.switch_to_block(entry);
  const Value zero = build.iconst(ir::kI64, 0);
  build.jump(build.block_call(loop, {count, zero}));
  build.switch_to_block(loop);
  const Value next_sum = build.iadd(sum, i);
  const Value next_i = build.iadd_imm_s(i, -1);
  build.brif(next_i, build.block_call(loop, {next_i, next_sum}), build.block_call(done));
  build.switch_to_block(done);
  build.return_(std::array{next_sum});
  return func;
}

TEST(Interpreter, runs_a_loop_until_the_fuel_is_gone) {
  std::deque<Function> funcs;
  const Function& func = add_counting_loop(funcs);
  const std::array args{DataValue::from_bits(ir::kI64, 1000)};
  EXPECT_EQ(text_of(Interpreter({}).run(func, args)), hex(500500));
  Options options;
  options.fuel = 2 + 4 * 1000 + 1;
  EXPECT_EQ(text_of(Interpreter(options).run(func, args)), hex(500500));
  --options.fuel;
  EXPECT_EQ(text_of(Interpreter(options).run(func, args)), "out of fuel");
}

TEST(Interpreter, refuses_other_arguments) {
  std::deque<Function> funcs;
  const Function& func = add_counting_loop(funcs);
  EXPECT_EQ(Interpreter({}).run(func, {}).kind, Kind::BadInput);
  EXPECT_EQ(Interpreter({}).run(func, std::array{DataValue::from_bits(ir::kI32, 1)}).kind,
            Kind::BadInput);
}

void recurse(std::deque<Function>& funcs, u32 slot_bytes, bool tail) {
  Function& func = funcs.emplace_back();
  func.name = {false, {}, "again"};
  func.signature.call_conv = ir::CallConv::Tail;
  Builder build = start(func);
  func.stack_slots.push({slot_bytes, 0, {}});
  const ir::FuncRef self = declare(func, func);
  if (tail) {
    build.return_call(self, {});
    return;
  }
  build.call(self, {});
  build.return_({});
}

TEST(Interpreter, unbounded_recursion_overflows_the_stack) {
  for (const u32 bytes : {0u, 1u << 20}) {
    std::deque<Function> funcs;
    recurse(funcs, bytes, false);
    Options options;
    options.max_call_depth = bytes == 0 ? 100000 : 1000;
    Interpreter interpreter(options);
    interpreter.add_function(funcs[0]);
    EXPECT_EQ(text_of(interpreter.run(funcs[0], {})), "trap 251");
  }
}

TEST(Interpreter, tail_calls_take_no_stack) {
  std::deque<Function> funcs;
  recurse(funcs, 64, true);
  Options options;
  options.fuel = 1000000;
  options.max_call_depth = 1;
  Interpreter interpreter(options);
  interpreter.add_function(funcs[0]);
  EXPECT_EQ(text_of(interpreter.run(funcs[0], {})), "out of fuel");
}

TEST(Interpreter, finds_functions_by_their_printed_names) {
  std::deque<Function> funcs(2);
  funcs[0].name = {false, {}, "f"};
  funcs[1].name = {true, {2, 7}, ""};
  Interpreter interpreter({});
  for (const Function& func : funcs) interpreter.add_function(func);
  EXPECT_EQ(interpreter.find_function("%f"), &funcs[0]);
  EXPECT_EQ(interpreter.find_function("u2:7"), &funcs[1]);
  EXPECT_EQ(interpreter.find_function("%g"), nullptr);
}

TEST(Interpreter, calls_the_library) {
  std::deque<Function> funcs(1);
  Builder build = start(funcs[0]);
  const auto lib = [&](std::string_view name, std::vector<ir::AbiParam> params, Type returns) {
    u32 row = 0;
    while (meta::kLibCalls[row].name != name) ++row;
    const ir::SigRef signature =
        funcs[0].dfg.signatures.push({std::move(params), {{returns}}, ir::CallConv::SystemV});
    return funcs[0].dfg.ext_funcs.push(
        {{ir::ExternalName::Kind::LibCall, row}, signature, false, false});
  };
  const Value half = build.f32const({0x3f000000});
  const ir::Inst ceil = build.call(lib("CeilF32", {{ir::kF32}}, ir::kF32), std::array{half});
  const ir::Inst near = build.call(lib("NearestF32", {{ir::kF32}}, ir::kF32), std::array{half});
  const Value one = build.f64const({0x3ff0000000000000});
  const ir::Inst fma = build.call(lib("FmaF64", {{ir::kF64}, {ir::kF64}, {ir::kF64}}, ir::kF64),
                                  std::array{one, one, one});
  const Value a = slot_address(build, 8), b = slot_address(build, 8),
              eight = build.iconst(ir::kI64, 8);
  const Value fill = build.iconst(ir::kI32, 0x5a5);
  build.call(lib("Memset", {{ir::kI64}, {ir::kI32}, {ir::kI64}}, ir::kI64),
             std::array{a, fill, eight});
  const ir::Inst before = build.call(lib("Memcmp", {{ir::kI64}, {ir::kI64}, {ir::kI64}}, ir::kI32),
                                     std::array{b, a, eight});
  build.call(lib("Memcpy", {{ir::kI64}, {ir::kI64}, {ir::kI64}}, ir::kI64),
             std::array{b, a, eight});
  const Value word = build.load(ir::kI64, ir::MemFlags{}, b, 0);
  finish(build, {funcs[0].dfg.first_result(ceil), funcs[0].dfg.first_result(near),
                 funcs[0].dfg.first_result(fma), funcs[0].dfg.first_result(before), word});
  EXPECT_EQ(text_of(Interpreter({}).run(funcs[0], {})),
            "3f800000 0 4000000000000000 ffffffff a5a5a5a5a5a5a5a5");
}

}  // namespace
}  // namespace gantry::interp
