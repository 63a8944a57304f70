#include RULES

using namespace isle_rules;
struct Host final : Context {
  bool a_to_w(A a, W& w) override {
    w = a == A::B ? W::X : W::Y;
    return true;
  }
  u32 build(W w) override { return w == W::X ? 0 : 1; }
};

int main() {
  Host host;
  u32 out = 9;
  if (!constructor_entry(host, A::B, out) || out != 0) return 1;
  return constructor_entry(host, A::C, out) && out == 1 ? 0 : 2;
}
