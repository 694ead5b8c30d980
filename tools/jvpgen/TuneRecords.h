// A tuning run as JSON: what `jvpgen tune --json` prints, and what a later run can start from.
#ifndef JVPGEN_TOOLS_JVPGEN_TUNERECORDS_H
#define JVPGEN_TOOLS_JVPGEN_TUNERECORDS_H

#include "tuner/Tuner.h"

namespace jvpgen {

tuner::Json toJson(const tuner::TuningReport &report);

/// The slowest verified candidate of a program among the trials of such a record; nothing if it has none.
std::optional<tuner::Candidate> slowestOf(const tuner::Json &record, const KernelBundle &bundle,
                                          const std::string &program);

} // namespace jvpgen

#endif
