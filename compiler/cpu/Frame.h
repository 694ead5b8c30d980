// What the host hands to every generated function: one array of 64-bit words, filled anew for each launch.
#ifndef JVPGEN_COMPILER_CPU_FRAME_H
#define JVPGEN_COMPILER_CPU_FRAME_H

#include <cstdint>

namespace jvpgen::cpu {

/// Words of the frame. Sequences are arrays of int64, one element a batch: lengths clamped to [0, longest], and the row
/// at which a packed sequence starts (0 in other layouts). Tensors follow: data, then strides along b, head, i, j, and
/// from one copy to the next.
enum FrameWord : int64_t {
  kBatch,
  kHeads,
  kKvHeads,
  kGroup,
  kQLength,  ///< longest
  kKvLength, ///< longest
  kQLengths,
  kKvLengths,
  kQStarts,
  kKvStarts,
  kQTaskRows, ///< own rows of a task that adds to a copy of its own
  kKvTaskRows,
  kQBlockRows, ///< most own rows of any other task
  kKvBlockRows,
  kFirstTensor
};
inline constexpr int64_t kTensorWords = 6;

/// A generated function: frame, batch, head, block of rows, scratch of the thread (64-byte aligned).
using GeneratedFunction = void (*)(const int64_t *frame, int64_t batch, int64_t head, int64_t block, void *scratch);

} // namespace jvpgen::cpu

#endif
