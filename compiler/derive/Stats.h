// The figures of a derived program: products, sweeps, pointwise work, saved state.
#ifndef JVPGEN_COMPILER_DERIVE_STATS_H
#define JVPGEN_COMPILER_DERIVE_STATS_H

#include "compiler/derive/Cost.h"

namespace jvpgen {

struct Stats {
  double matmuls = 0;  ///< products of the mathematics, in units of 2 Sq Sk head_dim_qk FLOP per query head
  double executed = 0; ///< the same when every sweep rebuilds the score tiles that it needs
  int sweeps = 0;      ///< passes over all tiles, one after another; 1: no pass before the one that makes the outputs
  int pointwise = 0;   ///< operations per score element
  std::vector<std::string>
      saved; ///< of lse, mu, o, to: what a backward program reads, what a forward program leaves for it
};

Stats statsOf(const Program &p);

} // namespace jvpgen

#endif
