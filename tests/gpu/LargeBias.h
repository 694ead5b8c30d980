// A bias whose last elements lie beyond the reach of 32-bit offsets.
#ifndef JVPGEN_TESTS_GPU_LARGEBIAS_H
#define JVPGEN_TESTS_GPU_LARGEBIAS_H

#include "tests/gpu/Place.h"
#include <string>

namespace jvpgen {

/// Forward and backward of so many heads with a bias of [1, heads, length, length]: what they give for the last head
/// has the bits that a launch for this head alone gives.
Result<std::string> largeBias(Place &place, int64_t heads, int64_t length);

} // namespace jvpgen

#endif
