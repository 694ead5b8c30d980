// From a parsed specification to the mathematics: the forward program as terms.
#ifndef JVPGEN_COMPILER_IR_IMPORT_H
#define JVPGEN_COMPILER_IR_IMPORT_H

#include "compiler/ir/Program.h"
#include "compiler/spec/AttentionSpec.h"

namespace jvpgen {

/// The forward program of a specification: inputs q, k, v, then the differentiable named inputs in the file's order;
/// outputs o, lse.
///   z = scale sum_d q k    S = score(z, ...)    lse = lse_j(S)    o = sum_j exp(S - lse) v
Result<Program> importForward(TermContext &terms, const AttentionSpec &spec);

} // namespace jvpgen

#endif
