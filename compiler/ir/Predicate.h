// The mask of a specification as operations: the predicate itself, and its interval arithmetic over a box of entries.
#ifndef JVPGEN_COMPILER_IR_PREDICATE_H
#define JVPGEN_COMPILER_IR_PREDICATE_H

#include "compiler/ir/Dialect.h"
#include "compiler/spec/AttentionSpec.h"
#include "mlir/IR/Builders.h"

namespace jvpgen {

/// Writes attn.mask at the builder's place. keep = predicate, and a boolean tensor's entry, and a bias above -inf; of
/// the last two the classifier knows only that they may mask anything.
void buildMask(mlir::OpBuilder &builder, mlir::Location loc, const AttentionSpec &spec);

} // namespace jvpgen

#endif
