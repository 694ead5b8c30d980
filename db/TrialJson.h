// Trials as JSON text: what `jvpgen db export` writes and `import` reads.
#ifndef JVPGEN_DB_TRIALJSON_H
#define JVPGEN_DB_TRIALJSON_H

#include "db/Trial.h"

#include <string_view>

namespace jvpgen {

std::string printTrials(const std::vector<Trial> &trials);

/// Refuses, naming the place, what is not such a text: members that are missing, unknown or of another type, values out
/// of range, a content id that is not that of its trial.
Result<std::vector<Trial>> parseTrials(std::string_view text);

} // namespace jvpgen

#endif
