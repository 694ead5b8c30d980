// Shapes on the command line: BxHxSqxSk, comma separated.
#ifndef JVPGEN_TOOLS_JVPGEN_SHAPES_H
#define JVPGEN_TOOLS_JVPGEN_SHAPES_H

#include "compiler/spec/AttentionSpec.h"
#include "runtime/abi/Problem.h"
#include <string>
#include <vector>

namespace jvpgen {

/// Parses "2x4x1000x63,..."; heads are query heads and must be a multiple of the specification's group.
Result<std::vector<Problem>> parseShapes(const AttentionSpec &spec, const std::string &text);

/// "2x4x1000x63".
std::string shapeName(const Problem &problem);

} // namespace jvpgen

#endif
