// How long candidates take on the simulated device: a smooth landscape with one summit.
#ifndef JVPGEN_TESTS_TUNER_SIMULATEDTIMES_H
#define JVPGEN_TESTS_TUNER_SIMULATEDTIMES_H

#include "schedule/Schedule.h"
#include <cmath>

namespace jvpgen {

/// Best at tiles of 128 by 48 with 8 warps, which is no kernel's default.
inline double simulatedUs(const Schedule &s) {
  return 100 * (1 + 0.3 * std::abs(std::log2(s.tile_m / 128.0)) + 0.25 * std::abs(std::log2(s.tile_n / 48.0)) +
                0.1 * std::abs(std::log2(s.warps / 8.0)) + 0.05 * std::abs(s.stages - 2));
}

} // namespace jvpgen

#endif
