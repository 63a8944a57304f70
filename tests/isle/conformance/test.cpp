#include RULES

using namespace isle_rules;
struct Host final : Context {
  bool get_input(u32 x, A& a) override {
    a = A::make_A1(x + 1);
    return true;
  }
};

int main() {
  Host host;
  // get_input never yields the A2 that the first rule asks for, and the second takes A2 only.
  const B b = constructor_Lower(host, A::make_A2(42));
  return b.kind() == B::Kind::B1 && b.B1_x() == 42 ? 0 : 1;
}
