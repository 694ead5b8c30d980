// What `verify --json` says of one output.
#ifndef JVPGEN_TOOLS_JVPGEN_VERIFYRECORD_H
#define JVPGEN_TOOLS_JVPGEN_VERIFYRECORD_H

#include "reference/Verify.h"
#include <nlohmann/json.hpp>

namespace jvpgen {

inline nlohmann::ordered_json verifyRecord(const reference::Record &r) {
  return {{"program", r.program},
          {"output", r.output},
          {"relative_error", r.relative_error},
          {"worst_row_error", r.worst_row_error},
          {"limit", r.limit},
          {"row_limit", r.row_limit},
          {"passed", r.passed},
          {"complaint", r.complaint}};
}

} // namespace jvpgen

#endif
