// The run-time shape of one launch.
#ifndef JVPGEN_RUNTIME_ABI_PROBLEM_H
#define JVPGEN_RUNTIME_ABI_PROBLEM_H

#include <cstdint>

namespace jvpgen {

/// Sequences, heads, lengths. With padded or packed layouts the lengths are the longest of any sequence, and the
/// tensors q_lengths, kv_lengths (or q_offsets, kv_offsets) say the rest. Packed tensors have q_total, kv_total rows.
struct Problem {
  int64_t batch = 1;
  int64_t heads = 1;    ///< query heads
  int64_t kv_heads = 1; ///< heads = kv_heads * group
  int64_t q_length = 0;
  int64_t kv_length = 0;
  int64_t q_total = 0;  ///< rows of packed query tensors; q_length otherwise
  int64_t kv_total = 0; ///< rows of packed key tensors; kv_length otherwise

  int64_t group() const { return kv_heads ? heads / kv_heads : 1; }
  bool operator==(const Problem &) const = default;
};

} // namespace jvpgen

#endif
