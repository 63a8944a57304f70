#include RULES

using namespace isle_rules;
struct Host final : Context {
  ctor_B_Cursor ctor_B_begin(u32 value) override { return {value, 0, nullptr}; }
  bool ctor_B_next(ctor_B_Cursor& cursor, u32& out) override {
    if (cursor.position == 0) return false;
    out = static_cast<u32>(--cursor.position);
    return true;
  }
  etor_C_Cursor etor_C_begin(u32 value) override { return {0, value, nullptr}; }
  bool etor_C_next(etor_C_Cursor& cursor, u32& out) override {
    if (cursor.position == cursor.state) return false;
    out = static_cast<u32>(cursor.position++);
    return true;
  }
};

int main() {
  Host host;
  ResultArray<u32, 32> results;
  constructor_A(host, 10, results);
  if (results.size() != 10) return 1;
  for (u32 i = 0; i < 10; ++i) {
    if (results[i] != 9 - i) return 2;
  }
  results.clear();
  constructor_D(host, 5, results);
  const u32 expected[] = {0, 1, 0, 2, 1, 0, 3, 2, 1, 0};
  if (results.size() != 10) return 3;
  for (u32 i = 0; i < 10; ++i) {
    if (results[i] != expected[i]) return 4;
  }
  return 0;
}
