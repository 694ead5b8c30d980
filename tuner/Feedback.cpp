#include "tuner/Feedback.h"

#include <algorithm>

using namespace jvpgen;
using namespace jvpgen::tuner;

std::string tuner::objection(const Runnable &candidate, const Runnable &standard) {
  constexpr int kFewBytes = 16;
  int spills = kFewBytes, serialised = 0;
  for (const BuiltKernel &kernel : standard.kernels) {
    spills = std::max(spills, kernel.spill_bytes);
    serialised = std::max(serialised, kernel.serialised);
  }
  for (const BuiltKernel &kernel : candidate.kernels) {
    if (kernel.serialised > serialised)
      return "products of a kernel wait for one another (" + std::to_string(kernel.serialised) + " notes of ptxas)";
    if (kernel.spill_bytes > spills) return "a kernel spills " + std::to_string(kernel.spill_bytes) + " bytes a thread";
  }
  return "";
}
