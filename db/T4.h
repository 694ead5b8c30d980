// Trials in T4, the result format that auto-tuning tools exchange.
#ifndef JVPGEN_DB_T4_H
#define JVPGEN_DB_T4_H

#include "db/Trial.h"

namespace jvpgen {

/// JSON by the schema of T4, version 1.1.0 (AutoTuningAssociation/autotuning_methodology, schemas/T4.json). A file of
/// that format is about one kernel on one device: trials of several programs, shapes or GPUs are an error.
Result<std::string> printT4(const std::vector<Trial> &trials);

} // namespace jvpgen

#endif
