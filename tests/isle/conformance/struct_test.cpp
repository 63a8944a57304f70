#include RULES

struct D {
  isle_rules::C x;
};
static std::uint32_t inner(const D& d) {
  return d.x.kind() == isle_rules::C::Kind::Ca ? d.x.Ca_x().x : d.x.Cb_x().x;
}

int main() {
  using namespace isle_rules;
  [[maybe_unused]] const UnitStruct unit{};
  static_assert(sizeof(UnitStruct) == 1);
  return inner(D{C::make_Ca(A{42, 123})}) == 42 && inner(D{C::make_Cb(B{42})}) == 42 ? 0 : 1;
}
