// Problem: a Result must be cheap when all goes well and say everything when not. Idea: the error's
// detail lives behind one pointer, so the good path moves a pointer-sized union and never touches
// the heap.
#include "gantry/support/result.h"

#include <string>

namespace gantry {

struct Error::Detail {
  ErrorKind kind;
  SourcePosition position;
  std::string message;
};

Error::Error(ErrorKind kind, std::string_view message, SourcePosition position)
    : detail_(new Detail{kind, position, std::string(message)}) {}

Error::~Error() { delete detail_; }

ErrorKind Error::kind() const { return detail_->kind; }
std::string_view Error::message() const { return detail_->message; }
SourcePosition Error::position() const { return detail_->position; }

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Syntax:
      return "syntax error";
    case ErrorKind::Invalid:
      return "invalid";
    case ErrorKind::Unsupported:
      return "unsupported";
    case ErrorKind::LimitExceeded:
      return "limit exceeded";
    case ErrorKind::Io:
      return "i/o error";
  }
  unreachable("ErrorKind");
}

}  // namespace gantry
