#include RULES

using namespace isle_rules;
struct Host final : Context {};

int main() {
  Host host;
  const B first = constructor_lower(host, D::make_Da(A{1, 2}));
  if (first.kind() != B::Kind::Ba || first.Ba_x() != 1) return 1;
  const B second = constructor_lower(host, D::make_Db(B::make_Ba(6)));
  if (second.kind() != B::Kind::Bb || second.Bb_0() != 6 || second.Bb_1() != 6 ||
      second.Bb_2() != 6)
    return 2;
  const B third = constructor_lower(host, D::make_Db(B::make_Bb(1, 2, 3)));
  if (third.kind() != B::Kind::Ba || third.Ba_x() != 3) return 3;
  const B fourth = constructor_lower(host, D::make_Dc());
  if (fourth.kind() != B::Kind::Ba || fourth.Ba_x() != 42) return 4;
  return 0;
}
