// Coefficients of products moved to where they cost nothing, so that one packed tile serves all its products.
#ifndef JVPGEN_COMPILER_PLAN_COEFFICIENTS_H
#define JVPGEN_COMPILER_PLAN_COEFFICIENTS_H

#include "compiler/plan/Sweep.h"

namespace jvpgen {

/// Scales tiles and accumulators of a sweep until coefficients are 1 wherever that is free: a tile can take a scale in
/// one of its lins, an accumulator in the epilogue or post that reads it.
///   acc += x.V + 1/8 (w (s - r)).V   becomes   acc += x.V + (w (s/8 - r/8)).V
void foldCoefficients(Sweep &sweep, std::vector<NamedTerm> &posts);

} // namespace jvpgen

#endif
