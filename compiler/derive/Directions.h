// Names of what belongs to a tangent, for programs that carry several tangents at once.
#ifndef JVPGEN_COMPILER_DERIVE_DIRECTIONS_H
#define JVPGEN_COMPILER_DERIVE_DIRECTIONS_H

#include "compiler/ir/Dialect.h"
#include "compiler/spec/AttentionSpec.h"

namespace jvpgen {

/// The name that the tangent `name` ("tx", "to", "mu") has along a direction: "t2x", "t2o", "mu2" for direction "t2".
/// Direction "t" is the specification's own. Any other name is itself.
std::string along(const AttentionSpec &spec, const std::string &name, const std::string &direction);

/// All names in order, those of tangents once for each direction.
std::vector<std::string> alongAll(const AttentionSpec &spec, const std::vector<std::string> &names,
                                  const std::vector<std::string> &directions);

/// Declares, beside the tensors of a specification's module, those of the tangents along the directions, their
/// cotangents and their gradients.
void declareDirections(mlir::ModuleOp module, const AttentionSpec &spec, const std::vector<std::string> &directions);

} // namespace jvpgen

#endif
