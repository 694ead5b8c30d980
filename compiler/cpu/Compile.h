// The CPU backend's entry: a plan becomes code in memory that runs on this processor.
#ifndef JVPGEN_COMPILER_CPU_COMPILE_H
#define JVPGEN_COMPILER_CPU_COMPILE_H

#include "runtime/abi/Executable.h"
#include <memory>

namespace mlir {
class ModuleOp;
}
namespace jvpgen::attn {
class PlanOp;
}

namespace jvpgen {

struct CpuOptions {
  unsigned threads = 0; ///< of the pool that launches use; 0: one for each processor
};

/// Compiles one plan of the module (which is left as it is). Results do not depend on the number of threads. Launches
/// of one executable may come from several threads, each with its own workspace; they follow one another.
Result<std::unique_ptr<Executable>> compileForCpu(mlir::ModuleOp module, attn::PlanOp plan, const CpuOptions &options);

} // namespace jvpgen

#endif
