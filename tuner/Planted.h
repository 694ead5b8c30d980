// Candidates that misbehave on purpose, to see on a real GPU that a tuner survives them.
#ifndef JVPGEN_TUNER_PLANTED_H
#define JVPGEN_TUNER_PLANTED_H

#include "runtime/abi/KernelBundle.h"
#include "support/Result.h"

namespace jvpgen::tuner {

/// Adds a variant to every program for each of `kinds`: "fault" writes to address 0, "loop" never ends, "wrong"
/// computes nothing, very fast. They are named "planted fault", ...; no default changes.
Result<void> plant(KernelBundle &bundle, const std::vector<std::string> &kinds);

} // namespace jvpgen::tuner

#endif
