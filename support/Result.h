// A value, or an error with its kind and its words.
#ifndef JVPGEN_SUPPORT_RESULT_H
#define JVPGEN_SUPPORT_RESULT_H

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace jvpgen {

/// What kind of thing went wrong; the numbers are the exit statuses of the command line.
enum class ErrorKind {
  CheckFailed = 1,      ///< a comparison or verification failed
  Invalid = 2,          ///< the input or the call is wrong
  Unsupported = 2 | 16, ///< right, but a backend cannot do it yet (exit status 2)
  Environment = 3,      ///< the machine lacks something
};

inline int exitStatus(ErrorKind kind) { return static_cast<int>(kind) & 15; }

/// A message says what was asked, what stood in the way, and what to do; `where` is file:line:column or empty.
struct Error {
  ErrorKind kind = ErrorKind::Invalid;
  std::string message;
  std::string where;

  std::string text() const {
    std::string prefix = kind == ErrorKind::Unsupported ? "unsupported: " : "";
    return (where.empty() ? "" : where + ": ") + "error: " + prefix + message;
  }
};

template <typename T> using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string where = "") {
  return tl::unexpected<Error>(Error{kind, std::move(message), std::move(where)});
}

} // namespace jvpgen

#endif
