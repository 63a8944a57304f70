#pragma once
#include <cstdint>
struct B {
  std::uint32_t x;
};
