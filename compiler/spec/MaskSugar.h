// causal and window as terms of the mask.
#ifndef JVPGEN_COMPILER_SPEC_MASKSUGAR_H
#define JVPGEN_COMPILER_SPEC_MASKSUGAR_H

#include "compiler/spec/AttentionSpec.h"
#include "compiler/spec/TableReader.h"

namespace jvpgen {

/// Joins causal and window, in this order, with the mask that the specification already has; all of them must hold.
Status readMaskSugar(const TableReader &reader, AttentionSpec &spec);

} // namespace jvpgen

#endif
