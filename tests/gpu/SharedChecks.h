// Checks of the launch interface that the emulator runs as well as a GPU.
#ifndef JVPGEN_TESTS_GPU_SHAREDCHECKS_H
#define JVPGEN_TESTS_GPU_SHAREDCHECKS_H

#include "tests/gpu/Check.h"
#include "tests/gpu/Place.h"
#include "tools/tensors/HostTensor.h"

namespace jvpgen {

struct CheckScale {
  int64_t length = 65;          ///< of judged problems
  int64_t repeated_length = 65; ///< of problems that are run twice and compared with one another
};

/// Strides and alignment of tensors, wrong tensors, determinism, problems with nothing in them. The place outlives
/// them.
std::vector<Check> sharedChecks(Place &place, const CheckScale &scale);

/// Fails where two runs' outputs differ in a bit, or hold anything that is not finite.
Result<void> expectEqual(const TensorSet &first, const TensorSet &second, const std::string &what);

} // namespace jvpgen

#endif
