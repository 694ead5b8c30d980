// Partial products that several products of a role have in common, computed once.
#ifndef JVPGEN_COMPILER_PLAN_SHAREDPRODUCTS_H
#define JVPGEN_COMPILER_PLAN_SHAREDPRODUCTS_H

#include "compiler/plan/Sweep.h"

namespace jvpgen {

/// Two factors that stand together in several products become a product of their own, the most frequent first:
///   f' s, t f' s   becomes   x = f' s, t x
std::vector<Term> shareProducts(const std::vector<Term> &tiles);

} // namespace jvpgen

#endif
