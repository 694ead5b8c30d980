// What came of a step with a candidate: a value, or why there is none in a trial's own terms.
#ifndef JVPGEN_TUNER_ATTEMPT_H
#define JVPGEN_TUNER_ATTEMPT_H

#include "db/Trial.h"
#include <string>
#include <tl/expected.hpp>

namespace jvpgen::tuner {

struct Failure {
  Outcome outcome = Outcome::Faulted;
  std::string reason;
  bool poisoned = false; ///< whether the process that it happened in can do nothing more
};

template <typename T> using Attempt = tl::expected<T, Failure>;

inline tl::unexpected<Failure> failed(Outcome outcome, std::string reason, bool poisoned = false) {
  return tl::unexpected<Failure>(Failure{outcome, std::move(reason), poisoned});
}

} // namespace jvpgen::tuner

#endif
