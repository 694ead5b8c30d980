// A bundle with a tuning for one shape, on disk, for a test that sees nothing of the runtime but its C interface.
#ifndef JVPGEN_TESTS_ABI_TUNEDBUNDLE_H
#define JVPGEN_TESTS_ABI_TUNEDBUNDLE_H

#include <string>

struct TunedBundle {
  std::string folder;   ///< of a bundle with the program "backward", which takes no tensors
  std::string database; ///< where 2 x 4 heads of 1000 queries and 63 keys are better with tile_m 32 in the last sweep
  /// A file that pins what was tuned. For a batch of 3 it expects other machine code than there is, for one of 4
  /// another division of blocks.
  std::string frozen;
};

/// Made once; gone when the process ends.
const TunedBundle &tunedBundle();

#endif
