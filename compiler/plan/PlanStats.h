// What a plan executes: products, pointwise operations, tiles handed over.
#ifndef JVPGEN_COMPILER_PLAN_PLANSTATS_H
#define JVPGEN_COMPILER_PLAN_PLANSTATS_H

#include "compiler/ir/Dialect.h"
#include "compiler/ir/Program.h"

namespace jvpgen {

struct SweepStats {
  std::string name;
  double products = 0; ///< executed for each tile, in units of 2 Sq Sk head_dim_qk FLOP per query head
  int pointwise = 0;   ///< operations per score element; what lacks the streamed index or the own one is not counted
  int exports = 0;     ///< tiles from one role to the other
};

struct PlanStats {
  std::vector<SweepStats> sweeps;

  double executed() const;
  int pointwise() const;
};

PlanStats statsOf(attn::PlanOp plan, HeadDims dims);

} // namespace jvpgen

#endif
