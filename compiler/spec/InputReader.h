// The inputs beside q, k, v that a specification declares.
#ifndef JVPGEN_COMPILER_SPEC_INPUTREADER_H
#define JVPGEN_COMPILER_SPEC_INPUTREADER_H

#include "compiler/spec/AttentionSpec.h"
#include "compiler/spec/TableReader.h"

namespace jvpgen {

/// Reads bias, mask_tensor, scalars, head_vectors, query_vectors, kv_vectors, int_scalars into spec.inputs, and refuses
/// names whose tensors would meet others: x comes with tx, dx and dtx.
Status readInputs(const TableReader &reader, AttentionSpec &spec);

} // namespace jvpgen

#endif
