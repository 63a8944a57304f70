// The terms of clif_opt.isle and the constructors of opt_make.inc on records of nodes.
#include <cstdio>

#include "opt_terms_context.h"

using namespace opt_terms;
namespace ir = gantry::ir;

static int failures = 0;
#define CHECK(condition)                                           \
  do {                                                             \
    if (!(condition)) {                                            \
      std::printf("line %d: %s is false\n", __LINE__, #condition); \
      ++failures;                                                  \
    }                                                              \
  } while (false)

static ir::InstData simplified(Host& host, Node node, Type* type = nullptr) {
  isle_runtime::ResultArray<Node, 1> results;
  constructor_simplify(host, node, results);
  if (results.size() == 0) return {};
  if (type != nullptr) *type = host.nodes[results[0].index()].type;
  return host.nodes[results[0].index()].data;
}
static ir::InstData simplified(Host& host, SkeletonInst inst) {
  isle_runtime::ResultArray<SkeletonInst, 1> results;
  constructor_simplify_skeleton(host, inst, results);
  return results.size() == 0 ? ir::InstData() : host.skeleton[results[0].index()].data;
}
static bool is(const ir::InstData& data, ir::Opcode opcode, Node x, Node y) {
  return data.opcode == opcode && data.words[0] == x.index() && data.words[1] == y.index();
}

int main() {
  using ir::Opcode;
  Host host;
  const Type i32 = ir::kI32;
  const Type i64 = ir::kI64;
  const Node x = host.iconst_make(i32, 0x1'2345'6789);
  const Node y = host.iconst_make(i32, 7);
  const Node zero = host.iconst_make(i64, 0);
  CHECK(host.nodes[x.index()].data.wide() == 0x1'2345'6789);
  CHECK(host.nodes[x.index()].type == i32);

  Type type;
  const Node not_y = host.bnot_make(i32, y);
  CHECK(is(simplified(host, host.iadd_make(i32, x, not_y), &type), Opcode::Isub, x, y));
  CHECK(type == i32);
  CHECK(is(simplified(host, host.iadd_make(i64, not_y, x), &type), Opcode::Isub, x, y));
  CHECK(type == i64);
  CHECK(simplified(host, host.iadd_make(i32, x, zero)).wide() == 0x1'2345'6789);
  CHECK(simplified(host, host.iadd_make(i32, zero, x)).opcode == Opcode::Nop);  // not canonical
  const Node left = host.ishl_make(i32, x, y);
  const Node right = host.ushr_make(i32, x, zero);
  CHECK(is(simplified(host, host.bor_make(i32, left, right)), Opcode::Rotl, x, y));
  CHECK(is(simplified(host, host.bor_make(i32, right, left)), Opcode::Rotl, x, y));

  const Node difference = host.isub_make(i32, x, y);
  for (const Node equal : {host.eq_make(i32, x, difference), host.eq_make(i32, difference, x)}) {
    const ir::InstData made = simplified(host, equal);
    CHECK(made.opcode == Opcode::Icmp && made.int_cc() == IntCC::Equal &&
          made.words[0] == y.index());
  }
  const ir::InstData greater = simplified(host, host.ult_make(i32, x, y));
  CHECK(is(greater, Opcode::Icmp, y, x) && greater.int_cc() == IntCC::UnsignedGreaterThan);
  const ir::InstData same = simplified(host, host.icmp_make(i32, IntCC::SignedLessThan, x, x));
  CHECK(same.opcode == Opcode::Icmp && same.int_cc() == IntCC::SignedLessThan &&
        same.words[0] == x.index());
  const ir::InstData floats = simplified(host, host.fcmp_lt_make(i32, x, y));
  CHECK(is(floats, Opcode::Fcmp, y, x) && floats.float_cc() == FloatCC::GreaterThan);
  CHECK(simplified(host, host.extractlane_make(i32, x, 3)).aux == 2);
  CHECK(simplified(host, host.extractlane_make(i32, x, 4)).opcode == Opcode::Nop);
  CHECK(is(simplified(host, host.uadd_overflow_make(i64, x, zero)), Opcode::UaddOverflow, x, x));
  CHECK(simplified(host, host.f64const_make(i64, ~gantry::u64{0} - 1)).wide() ==
        ~gantry::u64{0} - 1);
  CHECK(simplified(host, host.bitcast_make(i64, MemFlagsId{300}, x)).flags == 300);
  CHECK(is(simplified(host, host.sdiv_value_make(i64, x, y)), Opcode::Udiv, x, y));

  const ir::InstData trap = simplified(host, host.trapz_make(i32, zero, TrapCode{9}));
  CHECK(trap.opcode == Opcode::Trap && trap.aux == 9);
  CHECK(simplified(host, host.trapz_make(i32, y, TrapCode{9})).opcode == Opcode::Nop);
  const ir::InstData load = simplified(host, host.load_make(i32, MemFlagsId{5}, x, -8));
  CHECK(load.opcode == Opcode::Uload8 && load.flags == 5 && load.words[0] == x.index() &&
        load.offset(1) == -8);
  const Node three = host.iconst_make(i32, 3);
  CHECK(is(simplified(host, host.udiv_make(i32, y, three)), Opcode::Urem, y, y));
  const ir::InstData store = simplified(
      host, host.store_make(i32, MemFlagsId{6}, y, host.iadd_make(i64, not_y, three), 12));
  CHECK(is(store, Opcode::Store, y, not_y) && store.flags == 6 && store.offset(2) == 12);
  const ir::InstData branch =
      simplified(host, host.brif_make(i32, x, BlockCall::from_raw(11), BlockCall::from_raw(12)));
  CHECK(branch.opcode == Opcode::Brif && branch.words[1] == 12 && branch.words[2] == 11);
  const ir::InstData exchange =
      simplified(host, host.atomic_rmw_make(i32, MemFlagsId{1}, AtomicRmwOp::Add, x, y));
  CHECK(is(exchange, Opcode::AtomicRmw, x, y) && exchange.atomic_op() == AtomicRmwOp::Xchg);
  return failures == 0 ? 0 : 1;
}
