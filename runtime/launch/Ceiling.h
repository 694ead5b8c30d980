// What the GPU can reach at this moment: a large matrix product by cuBLAS, timed in turns with the work to be judged.
#ifndef JVPGEN_RUNTIME_LAUNCH_CEILING_H
#define JVPGEN_RUNTIME_LAUNCH_CEILING_H

#include "runtime/jit/Environment.h"
#include "runtime/launch/Device.h"
#include "support/Result.h"
#include <filesystem>
#include <functional>
#include <optional>

namespace jvpgen {

/// libcublas.so.13 or .12 in the folders where CUDA's libraries lie; empty if it is in none.
std::filesystem::path findCublas(const Environment &environment);

/// The product of two bf16 matrices of 8192 x 8192, of random normal numbers, accumulated in float32.
class Ceiling {
public:
  static constexpr int kSize = 8192;

  /// Fails where cuBLAS is absent.
  static Result<Ceiling> create(DevicePointer device, const Environment &environment);

  /// Queues one product.
  Result<void> launch(const Stream &stream) const;

private:
  using Handle = struct CublasTag *;
  struct Functions {
    int (*create)(Handle *);
    int (*destroy)(Handle);
    int (*setStream)(Handle, void *stream);
    int (*gemm)(Handle, int transposeA, int transposeB, int m, int n, int k, const void *alpha, const void *a,
                int typeA, int lda, const void *b, int typeB, int ldb, const void *beta, void *c, int typeC, int ldc,
                int computeType, int algorithm);
  };
  Ceiling(DevicePointer device, Functions call, std::shared_ptr<CublasTag> handle, DeviceBuffer a, DeviceBuffer b,
          DeviceBuffer c)
      : device(std::move(device)), call(call), handle(std::move(handle)), a(a), b(b), c(c) {}
  DevicePointer device;
  Functions call;
  std::shared_ptr<CublasTag> handle;
  DeviceBuffer a, b, c;
};

/// How work is timed in turns with a ceiling.
struct Turns {
  int rounds = 5;
  double burst_ms = 0; ///< calls that follow one another in each turn take about so long; 0: one call
};

struct InterleavedTimes {
  double work_ms = 0;                   ///< of one call, median of the rounds
  std::optional<double> ceiling_tflops; ///< from the median; nothing without a ceiling
};

/// Times `work`, which queues something on the stream it is given, in turns with the ceiling (null: alone), after
/// rounds that warm up. Clocks follow heat and power: only times of the same turns compare.
Result<InterleavedTimes> measureCeiling(DevicePointer device, const Ceiling *ceiling, const Turns &turns,
                                        const std::function<Result<void>(const Stream &)> &work);

} // namespace jvpgen

#endif
