// Where checks run: a GPU, or the emulator on this machine; prepared programs and memory of their own.
#ifndef JVPGEN_TESTS_GPU_PLACE_H
#define JVPGEN_TESTS_GPU_PLACE_H

#include "runtime/abi/Executable.h"
#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Target.h"
#include <memory>

namespace jvpgen {

class Place {
public:
  virtual ~Place() = default;
  virtual Target target() const = 0;
  virtual Result<std::unique_ptr<Executable>> prepare(const KernelBundle &bundle, const KernelVariant &variant) = 0;

  /// At a multiple of 256 bytes; given back with the last copy.
  virtual Result<std::shared_ptr<void>> allocate(size_t bytes) = 0;
  virtual Result<void> write(void *to, const void *from, size_t bytes) = 0;
  virtual Result<void> read(void *to, const void *from, size_t bytes) = 0;

  /// What programs are launched on, and the wait for it.
  virtual void *stream() const = 0;
  virtual Result<void> synchronize() = 0;
};

} // namespace jvpgen

#endif
