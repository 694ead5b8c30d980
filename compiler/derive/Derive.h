// The entry of the stage: a specification and a program's name to the derived, simplified program.
#ifndef JVPGEN_COMPILER_DERIVE_DERIVE_H
#define JVPGEN_COMPILER_DERIVE_DERIVE_H

#include "compiler/ir/Program.h"
#include "compiler/spec/AttentionSpec.h"

namespace jvpgen {

/// Derives forward, tangent_forward, backward or tangent_backward. Inputs named in `inputs` are what the program may read; outputs
/// are those that the specification wants, in its order; a gradient that is structurally zero is the constant 0.
Result<Program> deriveProgram(TermContext &terms, const AttentionSpec &spec, const std::string &program);

/// The same before simplification: what the derivative rules gave.
Result<Program> deriveUnsimplified(TermContext &terms, const AttentionSpec &spec, const std::string &program);

} // namespace jvpgen

#endif
