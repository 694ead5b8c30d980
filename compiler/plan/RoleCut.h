// The cut of a sweep into two roles, one of which hands a few tiles over to the other.
#ifndef JVPGEN_COMPILER_PLAN_ROLECUT_H
#define JVPGEN_COMPILER_PLAN_ROLECUT_H

#include "compiler/derive/Factor.h"
#include "compiler/plan/Sweep.h"

namespace jvpgen {

/// Two roles, or nothing if no cut is legal. The first makes the products whose tiles need only a set F of score
/// products; each tile of the second is sum_k X_k * combination_k with X_k inside F (the exports) and combinations free
/// of F:
///   dz = X (B - D) + Y (A - a)   with F = {S, tS}
/// Chosen by the products of the longer role, then by the number of exports.
std::optional<std::vector<Role>> cutRoles(const std::vector<Contribution> &contributions,
                                          const std::vector<Centre> &centres);

} // namespace jvpgen

#endif
