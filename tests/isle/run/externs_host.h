#pragma once
#include <cstdint>

class Id {
 public:
  explicit constexpr Id(int value) : value_(value) {}
  constexpr int value() const { return value_; }
  friend bool operator==(const Id&, const Id&) = default;

 private:
  int value_;
};
enum class Op : unsigned char { Add, Sub, Neg };
// A view of one record: no fields of its own, exactly the surface generated types have.
class View {
 public:
  enum class Kind : unsigned char { Unary, Binary, Leaf };
  explicit View(const int* record) : record_(record) {}
  Kind kind() const { return static_cast<Kind>(record_[0]); }
  Op Unary_op() const { return static_cast<Op>(record_[1]); }
  Id Unary_arg() const { return Id(record_[2]); }
  Op Binary_op() const { return static_cast<Op>(record_[1]); }
  Id Binary_left() const { return Id(record_[2]); }
  Id Binary_right() const { return Id(record_[3]); }

 private:
  const int* record_;
};
struct Box {
  Id id;
  std::uint16_t weight;
};
