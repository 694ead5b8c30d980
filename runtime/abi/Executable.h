// What both backends hand back: something prepared that can be launched many times.
#ifndef JVPGEN_RUNTIME_ABI_EXECUTABLE_H
#define JVPGEN_RUNTIME_ABI_EXECUTABLE_H

#include "runtime/abi/Problem.h"
#include "runtime/abi/Tensor.h"
#include "support/Result.h"

namespace jvpgen {

/// One program of one specification, compiled for one variant and schedule; any shapes.
class Executable {
public:
  virtual ~Executable() = default;

  /// Bytes of workspace that a launch of this shape needs (256-byte aligned; on the device for CUDA).
  virtual size_t workspaceBytes(const Problem &problem) const = 0;

  /// Queues the work on `stream` (ignored by the CPU, which has finished when it returns). Tensors by name, inputs and
  /// outputs alike; nothing is allocated, compiled or looked up on disk. `workspace` may hold anything.
  virtual Result<void> launch(const Problem &problem, const TensorMap &tensors, void *workspace,
                              void *stream) const = 0;
};

} // namespace jvpgen

#endif
