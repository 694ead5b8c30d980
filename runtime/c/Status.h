// How results leave through the C interface: a status, and words for the calling thread.
#ifndef JVPGEN_RUNTIME_C_STATUS_H
#define JVPGEN_RUNTIME_C_STATUS_H

#include "runtime/c/include/jvpgen/jvpgen.h"
#include "support/Result.h"
#include <exception>
#include <string>

namespace jvpgen {

jvpgen_status report(jvpgen_status status, std::string message);
jvpgen_status report(const Error &error);

/// "CALL was asked to work with WHAT, which is null; ...".
jvpgen_status reportNull(const char *call, const char *what);

/// Runs the body of a call; nothing is thrown out of the library.
template <typename Body> jvpgen_status guarded(Body &&body) noexcept {
  try {
    return body();
  } catch (const std::exception &problem) { // out of memory, as a rule
    return jvpgen_fail(JVPGEN_ENVIRONMENT, problem.what());
  }
}

} // namespace jvpgen

#endif
