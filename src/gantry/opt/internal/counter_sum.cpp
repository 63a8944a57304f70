// Problem: which additions, multiplications and extensions in a loop are together one multiple of
// the counter plus what doesn't change? Idea: carry sums along. Modulo the type they are always
// right; an extension may be pulled into a sum only if the narrow sum is right as integers too, so
// with every form goes whether that is so, for both readings of the bits, shown by ranges.
// Invariant: coefficients of a form that is exact in a reading have not overflowed.
#include "gantry/opt/internal/counter_sum.h"

#include <algorithm>

namespace gantry::opt {
namespace {

u64 unsigned_of(i64 number) { return static_cast<u64>(number); }
i64 wrapping_add(i64 a, i64 b) { return static_cast<i64>(unsigned_of(a) + unsigned_of(b)); }
i64 wrapping_mul(i64 a, i64 b) { return static_cast<i64>(unsigned_of(a) * unsigned_of(b)); }

// Numbers far from overflow: what isn't can't be shown exact.
bool is_small(i64 number) { return number < (i64{1} << 40) && number > -(i64{1} << 40); }
bool is_small(const Interval& range) { return is_small(range.lo) && is_small(range.hi); }
bool has_small_factors(const CounterSum& form) {
  bool small =
      is_small(form.factor) && is_small(form.constant_signed) && is_small(form.constant_unsigned);
  for (const CounterSum::Term& term : form.outside()) small &= is_small(term.factor);
  return small;
}

Interval added(const Interval& a, const Interval& b, bool subtract) {
  return subtract ? Interval{a.lo - b.hi, a.hi - b.lo} : Interval{a.lo + b.lo, a.hi + b.hi};
}

// Keeps a reading exact if the integers stay in the type.
void settle(CounterSum& form, const Interval& as_signed, const Interval& as_unsigned) {
  const Ranges type = Ranges::of(form.type);
  const bool possible = Ranges::tracks(form.type) && has_small_factors(form);
  form.is_exact_signed &= possible && type.as_signed.contains(as_signed);
  form.is_exact_unsigned &= possible && type.as_unsigned.contains(as_unsigned);
  form.ranges = type;
  if (form.is_exact_signed) form.ranges.as_signed = as_signed;
  if (form.is_exact_unsigned) form.ranges.as_unsigned = as_unsigned;
  if (Ranges::tracks(form.type)) form.ranges.exchange(form.type);
}

bool add_term(CounterSum& form, const CounterSum::Term& term, bool subtract) {
  u32 at = 0;
  while (at < form.num_terms &&
         (form.terms[at].value < term.value ||
          (form.terms[at].value == term.value && form.terms[at].extension < term.extension)))
    ++at;
  const i64 factor = subtract ? wrapping_mul(term.factor, -1) : term.factor;
  if (at < form.num_terms && form.terms[at].value == term.value &&
      form.terms[at].extension == term.extension) {
    form.terms[at].factor = wrapping_add(form.terms[at].factor, factor);
    if (form.terms[at].factor != 0) return true;
    for (u32 i = at + 1; i < form.num_terms; ++i) form.terms[i - 1] = form.terms[i];
    --form.num_terms;
    return true;
  }
  if (form.num_terms == CounterSum::kMaxTerms) return false;
  for (u32 i = form.num_terms; i > at; --i) form.terms[i] = form.terms[i - 1];
  form.terms[at] = {term.value, term.extension, factor};
  ++form.num_terms;
  return true;
}

}  // namespace

bool CounterSum::has_same_terms(const CounterSum& other) const {
  return std::equal(terms, terms + num_terms, other.terms, other.terms + other.num_terms);
}

bool sum(const CounterSum& a, const CounterSum& b, bool subtract, CounterSum& result) {
  result = a;
  if (b.factor != 0) {
    if (a.factor != 0 && (a.counter != b.counter || a.extension != b.extension)) return false;
    result.counter = b.counter;
    result.extension = b.extension;
    result.factor = wrapping_add(a.factor, subtract ? wrapping_mul(b.factor, -1) : b.factor);
  }
  for (const CounterSum::Term& term : b.outside()) {
    if (!add_term(result, term, subtract)) return false;
  }
  const i64 sign = subtract ? -1 : 1;
  result.constant_signed = wrapping_add(a.constant_signed, wrapping_mul(b.constant_signed, sign));
  result.constant_unsigned =
      wrapping_add(a.constant_unsigned, wrapping_mul(b.constant_unsigned, sign));
  result.is_exact_signed = a.is_exact_signed && b.is_exact_signed;
  result.is_exact_unsigned = a.is_exact_unsigned && b.is_exact_unsigned;
  Interval as_unsigned = added(a.ranges.as_unsigned, b.ranges.as_unsigned, subtract);
  // Adding a large constant is subtracting a small one, if what is left is not below 0.
  if (!subtract && b.factor == 0 && b.num_terms == 0 && Ranges::tracks(a.type)) {
    const Interval type = Ranges::of(a.type).as_unsigned;
    const Interval less = added(as_unsigned, {type.hi + 1, type.hi + 1}, true);
    if (!type.contains(as_unsigned) && type.contains(less)) {
      as_unsigned = less;
      result.constant_unsigned = wrapping_add(result.constant_unsigned, -(type.hi + 1));
    }
  }
  settle(result, added(a.ranges.as_signed, b.ranges.as_signed, subtract), as_unsigned);
  return true;
}

bool product(const CounterSum& a, u64 factor, CounterSum& result) {
  const u32 bits = a.type.bits();
  const i64 number = static_cast<i64>(factor << (64 - bits)) >> (64 - bits);
  result = a;
  result.factor = wrapping_mul(a.factor, number);
  if (result.factor == 0) return false;
  result.constant_signed = wrapping_mul(a.constant_signed, number);
  result.constant_unsigned = wrapping_mul(a.constant_unsigned, number);
  for (u32 i = 0; i < result.num_terms; ++i) {
    result.terms[i].factor = wrapping_mul(a.terms[i].factor, number);
    if (result.terms[i].factor == 0) return false;
  }
  const auto scaled = [&](const Interval& range) {
    const i64 x = range.lo * number, y = range.hi * number;
    return Interval{std::min(x, y), std::max(x, y)};
  };
  const bool small = number > 0 && number < (i64{1} << 20) && is_small(a.ranges.as_signed) &&
                     is_small(a.ranges.as_unsigned) && has_small_factors(a);
  result.is_exact_signed &= small;
  result.is_exact_unsigned &= small;
  if (small) {
    settle(result, scaled(a.ranges.as_signed), scaled(a.ranges.as_unsigned));
  } else {
    result.ranges = Ranges::of(a.type);
  }
  return true;
}

bool extended(const CounterSum& a, ir::Type type, bool is_signed, CounterSum& result) {
  if (!(is_signed ? a.is_exact_signed : a.is_exact_unsigned)) return false;
  const Extension extension = is_signed ? Extension::Signed : Extension::Unsigned;
  result = a;
  result.type = type;
  if (result.extension == Extension::None) result.extension = extension;
  for (u32 i = 0; i < result.num_terms; ++i) {
    if (result.terms[i].extension == Extension::None) result.terms[i].extension = extension;
  }
  const i64 constant = is_signed ? a.constant_signed : a.constant_unsigned;
  result.constant_signed = result.constant_unsigned = constant;
  const Interval range = is_signed ? a.ranges.as_signed : a.ranges.as_unsigned;
  result.is_exact_signed = true;
  result.is_exact_unsigned = range.lo >= 0;
  settle(result, range, range);
  return true;
}

}  // namespace gantry::opt
