// What Hopper's row sweeps are put to beyond the checks of every skeleton: many runs, tangents far from zero, poison.
#ifndef JVPGEN_TESTS_GPU_HOPPERCHECKS_H
#define JVPGEN_TESTS_GPU_HOPPERCHECKS_H

#include "tests/gpu/Check.h"
#include "tests/gpu/Place.h"
#include "tools/tensors/HostTensor.h"

namespace jvpgen {

struct HopperScale {
  int runs = 100; ///< that must give the same bits
  int64_t repeated_length = 1000;
  int64_t mean_length = 1024;  ///< of problems whose tangents have a large mean
  int64_t ragged_length = 333; ///< of problems with NaN around every tensor
};

/// Of forward and tangent forward; *unsupported* where the place's target has no such skeleton. The place outlives
/// them.
std::vector<Check> hopperChecks(Place &place, const HopperScale &scale);

/// Fails where o or to of plain attention err by more than bf16 allows at any length; says by how much they err.
Result<std::string> expectPlainErrors(const TensorSet &outputs,
                                      const std::map<std::string, std::vector<double>> &truth);

} // namespace jvpgen

#endif
