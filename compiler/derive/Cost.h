// What a program costs when no tile is stored between sweeps, and the count of its matrix products.
#ifndef JVPGEN_COMPILER_DERIVE_COST_H
#define JVPGEN_COMPILER_DERIVE_COST_H

#include "compiler/derive/Structure.h"
#include <tuple>

namespace jvpgen {

/// Compared in this order: products executed (each level re-executes the score products that its tiles need), levels,
/// sums that are tiles themselves (each is a tile in memory: parts of bias gradients), pointwise operations per score
/// element.
struct Cost {
  double executed = 0;
  int sweeps = 0;
  int storedTiles = 0;
  int pointwise = 0;

  auto key() const { return std::tie(executed, sweeps, storedTiles, pointwise); }
  bool operator<(const Cost &o) const { return key() < o.key(); }
  bool operator<=(const Cost &o) const { return key() <= o.key(); }
};

/// FLOP of a product in units of 2 Sq Sk head_dim_qk per head: 1 over d, head_dim_v / head_dim_qk over e.
double matmulUnits(Term product, HeadDims dims);

Cost costOf(const std::vector<Term> &outputs, HeadDims dims);
inline Cost costOf(const Program &p) { return costOf(p.roots(), p.dims); }

/// Products of the mathematics, each once, in units.
double matmulsOf(const Program &p);

/// Reductions that need a sweep, and outputs that are tiles themselves, with their levels.
std::vector<std::pair<int, Term>> sweepRoots(const std::vector<Term> &outputs);

} // namespace jvpgen

#endif
