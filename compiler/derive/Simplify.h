// Simplification of a derived program: saved equations, then collection of products, late row terms, pointwise work.
#ifndef JVPGEN_COMPILER_DERIVE_SIMPLIFY_H
#define JVPGEN_COMPILER_DERIVE_SIMPLIFY_H

#include "compiler/derive/Saved.h"

namespace jvpgen {

/// sum_j x K + sum_j y K = sum_j (x + y) K, and the same for sums of tiles. Kept if not dearer.
Program collectProducts(const Program &program);

/// Opens a sum whose row term is not yet known, so that the term leaves the product; kept one by one if cheaper.
/// (P o (tS - mu)) V = (P o tS) V - mu O
Program pullLateTerms(const Program &program);

/// All passes, in order; `saved` may be null.
Program simplify(const Program &program, const SavedEquations *saved = nullptr);

} // namespace jvpgen

#endif
