// What the CPU backend cannot run, told before any code is made.
#ifndef JVPGEN_COMPILER_CPU_PLANCHECK_H
#define JVPGEN_COMPILER_CPU_PLANCHECK_H

#include "compiler/ir/Dialect.h"
#include "support/Result.h"

namespace jvpgen::cpu {

Result<void> checkPlan(mlir::ModuleOp module, attn::PlanOp plan);

} // namespace jvpgen::cpu

#endif
