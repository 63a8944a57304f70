// Rules with commutative terms on a table of operations: which order matches, which goes first, and
// that a full array ends the search.
#include <cstdio>
#include <vector>

#include RULES

using namespace isle_rules;

static int failures = 0;
#define CHECK(condition)                                           \
  do {                                                             \
    if (!(condition)) {                                            \
      std::printf("line %d: %s is false\n", __LINE__, #condition); \
      ++failures;                                                  \
    }                                                              \
  } while (false)

namespace {
enum Op { kLeaf, kAdd, kMul, kNeg, kLiteral };
struct Record {
  Op op;
  int a, b;
  int width = 0;
};

struct Host final : Context {
  std::vector<Record> records;
  int calls = 0;
  int node(Op op, int a = 0, int b = 0, int width = 0) {
    records.push_back({op, a, b, width});
    return static_cast<int>(records.size()) - 1;
  }
  const Record& at(int node) const { return records[static_cast<unsigned>(node)]; }

  bool add(int value, int& a, int& b) override {
    a = at(value).a, b = at(value).b;
    return at(value).op == kAdd;
  }
  bool mul_node(int value, std::uint8_t& width, int& a, int& b) override {
    width = static_cast<std::uint8_t>(at(value).width), a = at(value).a, b = at(value).b;
    return at(value).op == kMul;
  }
  bool neg(int value, int& a) override {
    a = at(value).a;
    return at(value).op == kNeg;
  }
  bool literal(int value, std::uint8_t& number) override {
    number = static_cast<std::uint8_t>(at(value).a);
    return at(value).op == kLiteral;
  }
  bool small(int value) override { return at(value).op == kLeaf && at(value).a < 10; }
  bool half(int value, int& result) override {
    result = at(value).a / 2;
    return at(value).op == kLeaf && at(value).a % 2 == 0;
  }
  int twice(int value) override { return 2 * value; }
  int make(std::uint8_t what, int a, int b) override {
    ++calls;
    return what * 1000 + a * 10 + b;
  }

  int f(int node) {
    int out = -1;
    return constructor_f(*this, node, out) ? out : -1;
  }
  template <std::uint32_t kCapacity = 16>
  std::vector<int> m(int node) {
    ResultArray<int, kCapacity> results;
    constructor_m(*this, node, results);
    return std::vector<int>(results.begin(), results.end());
  }
};
}  // namespace

int main() {
  Host host;
  const int p = host.node(kLeaf, 4);        // 0: small and even
  const int q = host.node(kLeaf, 101);      // 1
  const int np = host.node(kNeg, p);        // 2
  const int nq = host.node(kNeg, q);        // 3
  const int zero = host.node(kLiteral, 0);  // 4
  const int seven = host.node(kLiteral, 7);
  using Ints = std::vector<int>;

  // Both sides, and as written where both fit.
  CHECK(host.f(host.node(kAdd, q, np)) == 1000 + 10 * q + p);
  CHECK(host.f(host.node(kAdd, np, q)) == 1000 + 10 * q + p);
  CHECK(host.f(host.node(kAdd, np, nq)) == 1000 + 10 * np + q);
  CHECK(host.f(host.node(kAdd, nq, np)) == 1000 + 10 * nq + p);
  // What the host puts right is not looked for on the left.
  CHECK(host.f(host.node(kAdd, q, zero)) == q);
  CHECK(host.f(host.node(kAdd, zero, q)) == -1);
  // Two exchanges: four orders, of which the repeated variable picks.
  const int pq = host.node(kAdd, p, q);
  const int qp = host.node(kAdd, q, p);
  CHECK(host.f(host.node(kMul, pq, nq, 8)) == 2000 + 10 * p + q);
  CHECK(host.f(host.node(kMul, qp, nq, 8)) == 2000 + 10 * p + q);
  CHECK(host.f(host.node(kMul, nq, pq, 8)) == 2000 + 10 * p + q);
  CHECK(host.f(host.node(kMul, np, pq, 8)) == 2000 + 10 * q + p);
  CHECK(host.f(host.node(kMul, host.node(kNeg, zero), pq, 8)) == -1);
  // A variable that is bound with a pattern after its first mention.
  CHECK(host.f(host.node(kMul, p, pq, 1)) == 3000 + 10 * p + q);
  CHECK(host.f(host.node(kMul, pq, p, 1)) == 3000 + 10 * p + q);
  CHECK(host.f(host.node(kMul, qp, p, 1)) == 3000 + 10 * p + q);
  CHECK(host.f(host.node(kMul, qp, q, 1)) == -1);  // q is not small
  // The order matters to a clause only; both use one right side.
  CHECK(host.f(host.node(kMul, p, q, 4)) == 4000 + 20 + (5000 + 10 * (2 * p) + q));
  CHECK(host.f(host.node(kMul, q, p, 4)) == 4000 + 20 + (5000 + 10 * (2 * p) + q));
  CHECK(host.f(host.node(kMul, q, q, 4)) == -1);
  // Exchanging plain variables would change nothing.
  CHECK(host.f(host.node(kMul, q, q, 2)) == q);
  CHECK(host.f(host.node(kMul, q, p, 2)) == 6000 + 10 * q + p);

  // Results in the order of the rules, and of the orders of a rule.
  const int pp = host.node(kAdd, p, p);
  CHECK((host.m(pp) == Ints{1000 + 11 * p, 1000 + 11 * p, 2000 + 11 * p, 5000}));
  CHECK((host.m(pq) == Ints{1000 + 11 * q, 2000 + 10 * p + q, 5000}));
  CHECK((host.m(qp) == Ints{1000 + 11 * q, 2000 + 10 * q + p, 5000}));
  const int q_np = host.node(kAdd, q, np);
  CHECK((host.m(q_np) == Ints{2000 + 10 * q + np, 5000, 3000 + 11 * p}));
  CHECK((host.m(host.node(kAdd, p, seven)) ==
         Ints{1000 + 11 * seven, 2000 + 10 * p + seven, 5000, 7000}));
  CHECK((host.m(host.node(kAdd, seven, q)) == Ints{2000 + 10 * seven + q, 5000}));
  CHECK((host.m(q) == Ints{5000}));
  // A full array ends the search, and later rules are not run.
  host.calls = 0;
  CHECK((host.m<1>(pp) == Ints{1000 + 11 * p}) && host.calls == 1);
  host.calls = 0;
  CHECK((host.m<2>(pq) == Ints{1000 + 11 * q, 2000 + 10 * p + q}) && host.calls == 2);
  CHECK((host.m<1>(q_np) == Ints{2000 + 10 * q + np}));

  // Up to four orders of one rule, first the ones with fewer exchanges of inner terms.
  ResultArray<int, 8> results;
  const int product = host.node(kMul, p, p);
  constructor_orders(host, host.node(kAdd, product, product), results);
  CHECK(results.size() == 4);
  for (const int result : results) CHECK(result == 1000 + 10 * p + product);
  return failures == 0 ? 0 : 1;
}
