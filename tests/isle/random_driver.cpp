// Runs a compiled random program and compares with the evaluator's table. EXPECTED comes from the
// command line.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "random_context.h"

using random_host::call;
using random_host::output;
using random_host::succeeds;

bool RandomContext::ef_v(V value, V& a, std::uint8_t& b) {
  const std::uint64_t h = call("ef_v", {hash(value)});
  if (!succeeds(h)) return false;
  a = make_v(output(h, 0));
  b = make_u8(output(h, 1));
  return true;
}
bool RandomContext::cm(V value, V& a, V& b) {
  const std::uint64_t h = call("cm", {hash(value)});
  if (!succeeds(h)) return false;
  a = make_v(output(h, 0));
  b = make_v(output(h, 1));
  return true;
}
void RandomContext::ei_t(V value, std::uint8_t& n, V& a, V& b) {
  const std::uint64_t h = call("ei_t", {hash(value)});
  n = make_u8(output(h, 0));
  a = make_v(output(h, 1));
  b = make_v(output(h, 2));
}
bool RandomContext::cr(V value, std::uint8_t& n) {
  const std::uint64_t h = call("cr", {hash(value)});
  if (!succeeds(h)) return false;
  n = make_u8(output(h, 0));
  return true;
}
bool RandomContext::ef_e(V value, rules::E& a) {
  const std::uint64_t h = call("ef_e", {hash(value)});
  if (!succeeds(h)) return false;
  a = make_e(output(h, 0));
  return true;
}
bool RandomContext::ef_n(V value) { return succeeds(call("ef_n", {hash(value)})); }
bool RandomContext::ef_u(std::uint8_t value, V& a) {
  const std::uint64_t h = call("ef_u", {hash(value)});
  if (!succeeds(h)) return false;
  a = make_v(output(h, 0));
  return true;
}
void RandomContext::ei_v(V value, V& a, rules::E& b) {
  const std::uint64_t h = call("ei_v", {hash(value)});
  a = make_v(output(h, 0));
  b = make_e(output(h, 1));
}
rules::K RandomContext::ei_k(V value) { return make_k(output(call("ei_k", {hash(value)}), 0)); }
bool RandomContext::v_to_k(V value, rules::K& k) {
  const std::uint64_t h = call("v_to_k", {hash(value)});
  if (!succeeds(h)) return false;
  k = make_k(output(h, 0));
  return true;
}
bool RandomContext::p_v(V v, std::uint8_t u, V& result) {
  const std::uint64_t h = call("p_v", {hash(v), hash(u)});
  if (!succeeds(h)) return false;
  result = make_v(output(h, 0));
  return true;
}
bool RandomContext::p_b(V v, bool& result) {
  const std::uint64_t h = call("p_b", {hash(v)});
  if (!succeeds(h)) return false;
  result = output(h, 0) % 2 != 0;
  return true;
}
V RandomContext::q_v(V v) { return make_v(output(call("q_v", {hash(v)}), 0)); }
bool RandomContext::q_b(V a, V b) { return output(call("q_b", {hash(a), hash(b)}), 0) % 2 != 0; }
rules::E RandomContext::q_e(V v) { return make_e(output(call("q_e", {hash(v)}), 0)); }
V RandomContext::k_to_v(rules::K k) { return make_v(output(call("k_to_v", {hash(k)}), 0)); }
V RandomContext::c_v(V a, V b) {
  return make_v(output(impure(call("c_v", {hash(a), hash(b)})), 0));
}
V RandomContext::c_e(const rules::E& a, std::uint8_t b) {
  return make_v(output(impure(call("c_e", {hash(a), hash(b)})), 0));
}
std::uint8_t RandomContext::c_u(V a) { return make_u8(output(impure(call("c_u", {hash(a)})), 0)); }
bool RandomContext::cp_v(V a, V& result) {
  const std::uint64_t h = impure(call("cp_v", {hash(a)}));
  if (!succeeds(h)) return false;
  result = make_v(output(h, 0));
  return true;
}
RandomContext::em_Cursor RandomContext::em_begin(V value) { return {call("em", {hash(value)}), 0}; }
bool RandomContext::em_next(em_Cursor& cursor, V& a, std::uint8_t& b) {
  if (cursor.next == random_host::count(cursor.hash)) return false;
  const std::uint64_t h = random_host::item(cursor.hash, cursor.next++);
  a = make_v(output(h, 0));
  b = make_u8(output(h, 1));
  return true;
}
RandomContext::mq_Cursor RandomContext::mq_begin(V value) { return {call("mq", {hash(value)}), 0}; }
bool RandomContext::mq_next(mq_Cursor& cursor, V& result) {
  if (cursor.next == random_host::count(cursor.hash)) return false;
  result = make_v(output(random_host::item(cursor.hash, cursor.next++), 0));
  return true;
}

namespace {
struct Row {
  int term;
  std::uint64_t seed;
  bool matched;
  std::uint64_t result;
  std::uint64_t effects;
};
constexpr Row kRows[] = {
#include EXPECTED
};
}  // namespace

int main() {
  int wrong = 0;
  int matched = 0;
  for (const Row& row : kRows) {
    RandomContext ctx;
    const auto bits = [&row](unsigned i) { return output(row.seed, i); };
    Row actual{row.term, row.seed, true, 0, 0};
    isle_runtime::Out<V> out;
    isle_runtime::ResultArray<V, 4096> results;
    switch (row.term) {
      case 0:
        actual.matched = rules::constructor_f(ctx, RandomContext::make_v(bits(0)),
                                              RandomContext::make_e(bits(1)),
                                              RandomContext::make_u8(bits(2)), out.value);
        break;
      case 1:
        out.value = rules::constructor_h(ctx, RandomContext::make_e(bits(0)),
                                         RandomContext::make_v(bits(1)));
        break;
      case 2:
        actual.matched = false;
        rules::constructor_m(ctx, RandomContext::make_v(bits(0)), RandomContext::make_e(bits(1)),
                             results);
        break;
      default:
        out.value = rules::constructor_g(ctx, RandomContext::make_v(bits(0)),
                                         RandomContext::make_u8(bits(1)));
        break;
    }
    if (actual.matched) actual.result = RandomContext::hash(out.value);
    std::vector<std::uint64_t> hashes;
    for (const V& value : results) hashes.push_back(RandomContext::hash(value));
    std::sort(hashes.begin(), hashes.end());
    for (const std::uint64_t hash : hashes)
      actual.result = random_host::combine(actual.result, hash);
    for (const std::uint64_t effect : ctx.effects)
      actual.effects = random_host::combine(actual.effects, effect);
    matched += row.matched;
    if (actual.matched == row.matched && actual.result == row.result &&
        actual.effects == row.effects)
      continue;
    if (++wrong <= 10)
      std::printf("term %d, arguments %llu: differs from the evaluator\n", row.term,
                  static_cast<unsigned long long>(row.seed));
  }
  if (wrong == 0 && matched > 0) return 0;
  std::printf("%d wrong, %d rows matched\n", wrong, matched);
  return 1;
}
