// A bias whose last elements lie beyond the reach of 32-bit offsets.
#ifndef JVPGEN_TESTS_GPU_LARGEBIAS_H
#define JVPGEN_TESTS_GPU_LARGEBIAS_H

#include "tests/gpu/DevicePlace.h"

namespace jvpgen {

/// Forward and backward of nine heads with a bias of [1, 9, 16384, 16384]: what they give for the last head has the
/// bits that a launch for this head alone gives.
Result<std::string> largeBias(DevicePlace &place);

} // namespace jvpgen

#endif
