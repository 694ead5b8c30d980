// Coefficients of products moved to where they cost nothing, so that one packed tile serves all its products.
#ifndef JVPGEN_COMPILER_PLAN_COEFFICIENTS_H
#define JVPGEN_COMPILER_PLAN_COEFFICIENTS_H

#include "compiler/plan/Sweep.h"

namespace jvpgen {

/// Chooses scales of the lins in a sweep's tiles and of its accumulators, until coefficients are 1 wherever that is
/// free: what uses a scaled lin is a product or another lin, which takes the scale over; accumulators are scaled back
/// in epilogues and posts.
///   acc += x.V - 1/8 (w (r - s)).V   becomes   acc += x.V + (w (s/8 - r/8)).V
void foldCoefficients(Sweep &sweep, std::vector<NamedTerm> &posts);

} // namespace jvpgen

#endif
