// Tensors that a launch must refuse, with the words that it must find for each.
#ifndef JVPGEN_TESTS_GPU_WRONGTENSORS_H
#define JVPGEN_TESTS_GPU_WRONGTENSORS_H

#include "tests/gpu/PlacedTensors.h"
#include <functional>

namespace jvpgen {

/// The arguments of a launch, to be spoilt.
struct LaunchCall {
  Problem problem;
  TensorMap tensors;
  void *workspace = nullptr;
};

struct WrongLaunch {
  std::string name, words; ///< `words` are part of the message
  std::function<void(LaunchCall &)> spoil;
};

/// Null, missing, of another type, strides of 0, odd addresses, no workspace, impossible shapes: each is refused, and
/// then nothing was launched. A right launch at the end succeeds. `more` are wrong in this place only.
Result<std::string> refusesWrongTensors(Place &place, const std::vector<WrongLaunch> &more = {});

} // namespace jvpgen

#endif
