// The module of a specification: its attributes, the tensors of its interface, its mask.
#ifndef JVPGEN_COMPILER_IR_DECLARATIONS_H
#define JVPGEN_COMPILER_IR_DECLARATIONS_H

#include "compiler/ir/Dialect.h"
#include "compiler/spec/AttentionSpec.h"

namespace jvpgen {

/// A module with attn.name, attn.dtype, ... , one attn.tensor for each tensor that a program of the specification reads
/// or writes, and attn.mask. Programs and plans are added to it. Locations are those of the specification's file.
mlir::OwningOpRef<mlir::ModuleOp> declareModule(mlir::MLIRContext &context, const AttentionSpec &spec);

} // namespace jvpgen

#endif
