// How the blocks of a grid share a machine that has more multiprocessors than there are blocks left for it.
#ifndef JVPGEN_SCHEDULE_DIVISION_H
#define JVPGEN_SCHEDULE_DIVISION_H

#include "schedule/Schedule.h"
#include <cstdint>

namespace jvpgen {

/// The blocks from `whole` on are divided into `parts` each; parts = 1: none is.
struct Division {
  int64_t whole = 0;
  int64_t parts = 1;
  bool operator==(const Division &) const = default;
};

/// What a division is decided by: a pure function of shape and machine.
struct DividedGrid {
  int64_t blocks = 0; ///< undivided
  int64_t tiles = 0;  ///< that a block meets at most
  int64_t multiprocessors = 0;
  bool is_even = true; ///< every block meets as many
};

/// `splits` of a Schedule: 0 for the division that should end first, n for n parts.
Division divide(const DividedGrid &grid, int splits);

} // namespace jvpgen

#endif
