// Which tangents and cotangents exist, which outputs and gradients are wanted.
#ifndef JVPGEN_COMPILER_SPEC_SUBSETREADER_H
#define JVPGEN_COMPILER_SPEC_SUBSETREADER_H

#include "compiler/spec/AttentionSpec.h"
#include "compiler/spec/TableReader.h"

namespace jvpgen {

/// Reads tangents, outputs, cotangents, gradients. Defaults: tangents q, k, v; every output; a cotangent for each
/// output; the gradients of q, k, v, of inputs with a tangent, and of all tangents, without those that no cotangent
/// reaches. The lists end in the interface's order, whatever order the file has.
Status readSubsets(const TableReader &reader, AttentionSpec &spec);

} // namespace jvpgen

#endif
