#include RULES

using namespace isle_rules;
struct Host final : Context {};

int main() {
  Host host;
  const class_ two = class_::make_namespace_(5, 6);
  if (constructor_new(host, two, 1) != 6 || constructor_new(host, two, 2) != 2) return 1;
  if (constructor_pick(host, ctx_{0, two}).kind() != class_::Kind::namespace_) return 2;
  if (constructor_pick(host, ctx_{3, two}).namespace__this_() != 7) return 3;
  if (constructor_a_b(host, 9) != 9) return 4;
  if (constructor_f(host, class_::make_delete_(), 2) != 10 || constructor_f(host, two, 77) != 99)
    return 5;
  if (constructor_f_delete(host, class_::make__x(), 3) != 7) return 6;
  return 0;
}
