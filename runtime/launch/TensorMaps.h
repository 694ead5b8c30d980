// Tensors as Hopper's copy engine takes them: which can be described to it, and how.
#ifndef JVPGEN_RUNTIME_LAUNCH_TENSORMAPS_H
#define JVPGEN_RUNTIME_LAUNCH_TENSORMAPS_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Problem.h"
#include "runtime/abi/Tensor.h"
#include "support/Result.h"

namespace jvpgen {

/// What the address and strides of a mapped tensor are multiples of, in bytes.
constexpr size_t kMapAlignment = 16;

/// Axes are features, rows, heads, batch. Boxes are rows of `box_features`, swizzled over the bytes of such a row.
struct TensorMapFacts {
  void *data = nullptr;
  uint64_t extent[4] = {0, 0, 0, 0};
  uint64_t stride_bytes[3] = {0, 0, 0}; ///< of rows, heads, batch
  uint32_t box_features = 0, box_rows = 0;
  DType dtype = DType::BF16;

  bool isEmpty() const { return extent[0] * extent[1] * extent[2] * extent[3] == 0; }
};

/// A map as kernels receive it.
struct alignas(64) TensorMapBytes {
  unsigned char bytes[128];
};
static_assert(sizeof(TensorMapFacts) <= sizeof(TensorMapBytes));

/// Where the maps of a kernel with so many tensors begin in its parameter.
constexpr size_t mapsOffset(size_t tensors) { return (sizeof(Problem) + 40 * tensors + 63) / 64 * 64; }

TensorMapFacts describeMap(const TensorMapDeclaration &map, const Schedule &schedule, const TensorDeclaration &tensor,
                           const TensorView &view, const Problem &problem, int64_t features, bool packed);

/// Whether the copy engine can read the tensor: addresses and strides have to be multiples of 16 bytes.
Result<void> checkMap(const TensorMapFacts &facts, const std::string &asked);

} // namespace jvpgen

#endif
