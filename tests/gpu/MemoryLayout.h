// Where the elements of a tensor lie inside a larger piece of memory: strides of any kind, guard bands on both sides.
#ifndef JVPGEN_TESTS_GPU_MEMORYLAYOUT_H
#define JVPGEN_TESTS_GPU_MEMORYLAYOUT_H

#include "compiler/spec/AttentionSpec.h"
#include "tools/tensors/HostTensor.h"
#include <vector>

namespace jvpgen {

/// Which axis lies outside of which, from [batch, heads, length, dim]; the last of four stays contiguous.
enum class Arrangement {
  Contiguous,
  LengthOutsideHeads, ///< [batch, length, heads, dim]
  Slice,              ///< of a tensor that is larger along every axis, features included
  HeadsOutside,       ///< [heads, batch, length, dim], with gaps between rows
};
constexpr int kArrangements = 4;

struct MemoryLayout {
  std::vector<int64_t> shape, stride; ///< in elements, one for each axis
  size_t element_bytes = 0;
  size_t begin = 0; ///< of element 0, in bytes
  size_t bytes = 0; ///< of the memory, guard bands included

  static constexpr size_t kGuardBytes = 4096;

  int64_t elements() const;
  /// Where an element of the row-major tensor begins, in bytes.
  size_t place(int64_t element) const;

  /// The memory's bytes: the tensor's elements, and `around` everywhere else.
  std::vector<unsigned char> scatter(const HostTensor &tensor, unsigned char around) const;
  void gather(const std::vector<unsigned char> &memory, HostTensor &tensor) const;

  /// The first byte that belongs to no element and is not `around` any more; -1 if there is none.
  int64_t firstTrespass(const std::vector<unsigned char> &memory, unsigned char around) const;
};

/// `row_gap` elements more in a row of a Slice or HeadsOutside, `shift` bytes between the address and a multiple of
/// 256.
MemoryLayout layOut(const HostTensor &tensor, Arrangement arrangement, int64_t row_gap = 16, size_t shift = 0);

/// As the launch interface wants it, with the layout's memory at `memory`.
TensorView viewOf(const AttentionSpec &spec, const HostTensor &tensor, const MemoryLayout &layout, void *memory);

} // namespace jvpgen

#endif
