// The entry of the stage: a specification and a program's name to the derived, simplified program.
#ifndef JVPGEN_COMPILER_DERIVE_DERIVE_H
#define JVPGEN_COMPILER_DERIVE_DERIVE_H

#include "compiler/ir/Program.h"
#include "compiler/spec/AttentionSpec.h"

namespace jvpgen {

/// Derives forward, tangent_forward, backward or tangent_backward. `inputs` are what the program may read (saved
/// outputs of earlier programs included), `outputs` what the specification wants of it; a result that is structurally
/// zero is the constant 0.
Result<Program> deriveProgram(TermContext &terms, const AttentionSpec &spec, const std::string &program);

/// The same before simplification: what the rules gave.
Result<Program> deriveUnsimplified(TermContext &terms, const AttentionSpec &spec, const std::string &program);

/// A program with several tangents at once, the primal work shared: everything of a tangent that the specification has
/// exists along each direction, under the names of Directions.h. The directions are "t", and "t" with a number.
Result<Program> deriveAlong(TermContext &terms, const AttentionSpec &spec, const std::string &program,
                            const std::vector<std::string> &directions);

/// The tangent forward in two passes, for planPasses: the forward, then the tangents with lse and o given (2 + 5
/// products in place of 6; o and to are never accumulated at once).
Result<std::vector<Program>> deriveTwoPasses(TermContext &terms, const AttentionSpec &spec);

// ---- the pieces, for programs of other kinds (several tangents, second order) ---------------------------------------

/// A forward program with the tangents of its o and lse beside them. Tangent x of input y is named `direction` + y, the
/// results are named "to" and "mu" for direction "t", "t2o" and "mu2" for direction "t2". Inputs not in `tangents` are
/// constants.
Program addTangents(const Program &forward, const std::vector<std::string> &tangents,
                    const std::string &direction = "t");

/// The gradients "d" + x of sum <"d" + y, y> over the cotangents y, with respect to each wanted input x.
Program gradientProgram(const Program &p, const std::vector<std::string> &cotangents,
                        const std::vector<std::string> &wanted);

/// Names of a forward program's outputs in the order in which their equations are learned: lse, mu..., o, to...
std::vector<std::string> savedOrder(const Program &forward);

} // namespace jvpgen

#endif
