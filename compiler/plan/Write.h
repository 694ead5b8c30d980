// A variant written as an attn.plan operation.
#ifndef JVPGEN_COMPILER_PLAN_WRITE_H
#define JVPGEN_COMPILER_PLAN_WRITE_H

#include "compiler/ir/Dialect.h"
#include "compiler/plan/Sweep.h"

namespace jvpgen {

/// Appends the variant to the module. The tiles of its roles must have been separated (Separate.h). In a role: inputs,
/// scores, what the maximum and the shifts need, they themselves, all other pointwise operations, exports, reduces,
/// outs.
attn::PlanOp writePlan(mlir::ModuleOp module, llvm::StringRef program, const Variant &variant);

} // namespace jvpgen

#endif
