// Reverse mode: gradients of any terms, tangents of tangents included, by one walk backwards over the table of rules.
#ifndef JVPGEN_COMPILER_DERIVE_ADJOINT_H
#define JVPGEN_COMPILER_DERIVE_ADJOINT_H

#include "compiler/ir/Program.h"

namespace jvpgen {

/// Gradients of sum <cotangent, root> with respect to `wanted`. Only terms that depend on a wanted input are visited; a
/// cotangent that is absent never starts: that is all the activity analysis there is.
std::vector<Term> adjointOf(const std::vector<std::pair<Term, Term>> &rootsAndCotangents,
                            const std::vector<Term> &wanted);

} // namespace jvpgen

#endif
