#pragma once
// Nets 1 and 2 of the error model: everything a caller or an input can cause is a value.
// `Result<T>` mirrors std::expected name for name and becomes an alias when the baseline allows.
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "gantry/support/check.h"
#include "gantry/support/int_types.h"

namespace gantry {

enum class ErrorKind : u8 {
  Syntax,         // text or binary input is malformed
  Invalid,        // well-formed, but breaks a rule of the IR (verifier)
  Unsupported,    // legal, not available on this target or with these settings
  LimitExceeded,  // an implementation limit or a caller's budget was hit
  Io,             // the outside world said no
};

std::string_view to_string(ErrorKind kind);

// 1-based line and column (column counts bytes); line 0 means "no position".
struct SourcePosition {
  u32 line = 0;
  u32 column = 0;
  friend bool operator==(SourcePosition, SourcePosition) = default;
};

// What went wrong, for a caller that can go on. One pointer wide, movable, never empty unless moved
// from.
class [[nodiscard]] Error {
 public:
  Error(ErrorKind kind, std::string_view message, SourcePosition position = {});
  Error(Error&& other) noexcept : detail_(std::exchange(other.detail_, nullptr)) {}
  Error& operator=(Error&& other) noexcept {
    std::swap(detail_, other.detail_);
    return *this;
  }
  ~Error();

  ErrorKind kind() const;
  std::string_view message() const;
  SourcePosition position() const;

 private:
  struct Detail;
  Detail* detail_;  // owned; raw so that this header stays free of <memory>
};

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : has_value_(true) {
    new (&value_) T(std::move(value));
  }  // NOLINT: implicit by design
  Result(Error error) : has_value_(false) { new (&error_) Error(std::move(error)); }  // NOLINT
  Result(Result&& other) noexcept : has_value_(other.has_value_) {
    if (has_value_) {
      new (&value_) T(std::move(other.value_));
    } else {
      new (&error_) Error(std::move(other.error_));
    }
  }
  Result& operator=(Result&& other) noexcept {
    if (this != &other) {
      this->~Result();
      new (this) Result(std::move(other));
    }
    return *this;
  }
  ~Result() {
    if (has_value_) {
      value_.~T();
    } else {
      error_.~Error();
    }
  }

  bool has_value() const { return has_value_; }
  explicit operator bool() const { return has_value_; }
  T& operator*() & { return value_; }
  const T& operator*() const& { return value_; }
  T&& operator*() && { return std::move(value_); }
  T* operator->() { return &value_; }
  const T* operator->() const { return &value_; }
  T& value() & {
    GANTRY_CHECK(has_value_);
    return value_;
  }
  T&& value() && {
    GANTRY_CHECK(has_value_);
    return std::move(value_);
  }
  Error& error() & { return error_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  union {
    T value_;
    Error error_;
  };
  bool has_value_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() : has_value_(true), none_(0) {}
  Result(Error error) : has_value_(false) { new (&error_) Error(std::move(error)); }  // NOLINT
  Result(Result&& other) noexcept : has_value_(other.has_value_), none_(0) {
    if (!has_value_) new (&error_) Error(std::move(other.error_));
  }
  Result& operator=(Result&& other) noexcept {
    if (this != &other) {
      this->~Result();
      new (this) Result(std::move(other));
    }
    return *this;
  }
  ~Result() {
    if (!has_value_) error_.~Error();
  }

  bool has_value() const { return has_value_; }
  explicit operator bool() const { return has_value_; }
  Error& error() & { return error_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  bool has_value_;
  union {
    u8 none_;
    Error error_;
  };
};

#define GANTRY_CONCAT_(a, b) a##b
#define GANTRY_CONCAT(a, b) GANTRY_CONCAT_(a, b)

// Returns the error of a fallible call to the caller, or goes on.
#define GANTRY_TRY(expr)                                     \
  do {                                                       \
    if (auto try_result = (expr); !try_result.has_value()) { \
      return std::move(try_result).error();                  \
    }                                                        \
  } while (false)

#define GANTRY_TRY_ASSIGN_(tmp, decl, expr)            \
  auto tmp = (expr);                                   \
  if (!tmp.has_value()) return std::move(tmp).error(); \
  decl = *std::move(tmp)

// Declares `decl` from the value of a fallible call, or returns its error.
#define GANTRY_TRY_ASSIGN(decl, expr) \
  GANTRY_TRY_ASSIGN_(GANTRY_CONCAT(try_result_, __LINE__), decl, expr)

}  // namespace gantry
