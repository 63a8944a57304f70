#include RULES

using namespace isle_rules;
struct Host final : Context {
  bool A(u32 a, u32 b, u32& sum) override {
    sum = a + b;
    return true;
  }
  bool B(u32 value, u32& a, u32& b) override {
    a = value;
    b = value + 1;
    return true;
  }
};

int main() {
  Host host;
  u32 out = 0;
  // The highest rule always applies with this host: h = a + b, then A(h, a).
  return constructor_C(host, 1, 2, 3, 4, out) && out == 4 ? 0 : 1;
}
