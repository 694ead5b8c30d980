// The calling thread's last words.
#include "runtime/c/Status.h"

using namespace jvpgen;

static std::string &lastWords() {
  thread_local std::string words;
  return words;
}

jvpgen_status jvpgen::report(jvpgen_status status, std::string message) {
  lastWords() = std::move(message);
  return status;
}

jvpgen_status jvpgen::report(const Error &error) {
  const std::string message = error.where.empty() ? error.message : error.where + ": " + error.message;
  switch (error.kind) {
  case ErrorKind::Unsupported: return report(JVPGEN_UNSUPPORTED, message);
  case ErrorKind::Environment: return report(JVPGEN_ENVIRONMENT, message);
  default: return report(JVPGEN_INVALID, message);
  }
}

jvpgen_status jvpgen::reportNull(const char *call, const char *what) {
  return report(JVPGEN_INVALID, std::string(call) + " needs '" + what + "', and it is null; give one");
}

const char *jvpgen_last_error(void) { return lastWords().c_str(); }

const char *jvpgen_version(void) { return JVPGEN_VERSION; }

jvpgen_status jvpgen_fail(jvpgen_status status, const char *message) {
  try {
    lastWords() = message ? message : "";
  } catch (const std::exception &) { // no memory for the words
    lastWords().clear();
  }
  return status;
}
