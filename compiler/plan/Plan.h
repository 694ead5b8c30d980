// The entry of the stage: a derived program to its named variants, as attn.plan operations.
#ifndef JVPGEN_COMPILER_PLAN_PLAN_H
#define JVPGEN_COMPILER_PLAN_PLAN_H

#include "compiler/ir/Dialect.h"
#include "compiler/ir/Program.h"
#include "support/Result.h"

namespace jvpgen {

struct Plans {
  std::vector<attn::PlanOp> plans;                    ///< the default first
  std::vector<std::pair<std::string, Error>> refused; ///< variants that the program does not allow, with the reason
};

/// Adds every variant of a program to the module, as @<program>_<variant>:
///   row              outputs with query rows alone, one row sweep (forward programs)
///   row+col          a row sweep and a column sweep
///   row+col split    the column sweep cut into two roles
///   by output group  column sweeps of at most two outputs each
///   fused            one column sweep; outputs with query rows are added up in memory
/// Fails if no variant is possible.
Result<Plans> planProgram(mlir::ModuleOp module, const Program &program);

/// Adds one plan, "two-pass", that runs the row sweeps of several programs in turn: a later one reads outputs of an
/// earlier one as saved values (tangent forward with lse and o given, after an ordinary forward).
Result<attn::PlanOp> planPasses(mlir::ModuleOp module, llvm::StringRef program, const std::vector<Program> &passes);

} // namespace jvpgen

#endif
