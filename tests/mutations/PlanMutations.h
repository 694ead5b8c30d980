// Faults of plans: for every operation of a plan, the ways in which it can be wrong.
#ifndef JVPGEN_TESTS_MUTATIONS_PLANMUTATIONS_H
#define JVPGEN_TESTS_MUTATIONS_PLANMUTATIONS_H

#include "compiler/ir/Dialect.h"
#include <functional>

namespace jvpgen {

struct PlanMutation {
  std::string name;
  std::function<void(mlir::Operation *)> apply; ///< to the same operation of a copy
  std::string equivalent = {};                  ///< why results stay right, or empty
};

/// Coefficients negated, terms and factors dropped, functions left out, tensors and tiles mixed up, products dropped.
std::vector<PlanMutation> mutationsOf(mlir::Operation *op);

} // namespace jvpgen

#endif
