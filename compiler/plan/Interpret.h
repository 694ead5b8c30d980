// A tiled float64 interpreter of attn.plan: what a plan means, tile by tile, as a kernel runs it.
#ifndef JVPGEN_COMPILER_PLAN_INTERPRET_H
#define JVPGEN_COMPILER_PLAN_INTERPRET_H

#include "compiler/derive/Interpret.h"
#include "compiler/ir/Dialect.h"

namespace jvpgen {

/// Where one sequence lies: `row` of the tensors' batch axis, and its part of their i and j axes.
struct Sequence {
  int row = 0;
  int q_first = 0, q_length = 0, kv_first = 0, kv_length = 0;
};

struct PlanSetting {
  Extents extents;                 ///< of the tensors: all rows of a packed tensor, the padding of a padded one
  std::vector<Sequence> sequences; ///< none: each row of the batch is one of full length
  int tile_m = 8, tile_n = 5;      ///< query and key rows of a tile
};

struct PlanInterpretation {
  std::map<std::string, DenseArray> outputs;
  double executed =
      0; ///< products per tile that is not skipped, in units of 2 Sq Sk head_dim_qk FLOP; all sweeps together
  int empty = 0, partial = 0, full = 0; ///< tiles by class, of all sweeps
};

/// Runs a plan. Tiles are zero beyond a sequence's length, whatever the tensors hold there; empty tiles are skipped; a
/// classifier that calls a tile empty or full against the predicate is an error. Inputs: tensors by name, integers and
/// masks as numbers.
Result<PlanInterpretation> interpretPlan(attn::PlanOp plan, const PlanSetting &setting,
                                         const std::map<std::string, DenseArray> &inputs);

} // namespace jvpgen

#endif
