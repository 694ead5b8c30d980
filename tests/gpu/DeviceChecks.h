// Checks that only a GPU can be put to: streams, graphs, memory beyond 2^32 elements' reach, addresses of the host.
#ifndef JVPGEN_TESTS_GPU_DEVICECHECKS_H
#define JVPGEN_TESTS_GPU_DEVICECHECKS_H

#include "tests/gpu/Check.h"
#include "tests/gpu/DevicePlace.h"

namespace jvpgen {

/// The place outlives them.
std::vector<Check> deviceChecks(DevicePlace &place);

} // namespace jvpgen

#endif
