// The score products of a role, grouped by the accumulators that hold them.
#ifndef JVPGEN_COMPILER_PLAN_SCORES_H
#define JVPGEN_COMPILER_PLAN_SCORES_H

#include "compiler/plan/Sweep.h"

namespace jvpgen {

/// Replaces the products in the tiles of one role by symbols. Products that only one lin uses, with one coefficient,
/// share a symbol:
///   tS = tq.k + q.tk
std::vector<Score> groupScores(std::vector<Term> &tiles);

} // namespace jvpgen

#endif
