// The ceiling of float32 arithmetic on this processor: fused multiply-adds on the widest vectors, in registers alone.
#ifndef JVPGEN_COMPILER_CPU_FMAPEAK_H
#define JVPGEN_COMPILER_CPU_FMAPEAK_H

#include "support/Result.h"
#include <cstdint>
#include <ctime>
#include <memory>

namespace jvpgen {

namespace cpu {
class Jit;
}

class FmaPeak {
public:
  /// `threads` of the pool that launches use; 0: one for each processor.
  static Result<FmaPeak> create(unsigned threads);

  /// FLOP per second of `clock`, over about ten milliseconds: short enough to stand between two launches.
  double measure(clockid_t clock = CLOCK_MONOTONIC) const;

private:
  using Chains = void (*)(const int64_t *, int64_t, int64_t, int64_t, void *);
  FmaPeak(std::shared_ptr<cpu::Jit> jit, Chains chains, unsigned threads)
      : jit(std::move(jit)), chains(chains), threads(threads) {}
  std::shared_ptr<cpu::Jit> jit;
  Chains chains;
  unsigned threads;
};

} // namespace jvpgen

#endif
