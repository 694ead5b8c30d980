// Generated code in memory: MLIR lowered to LLVM's dialect, translated, compiled for the processor that runs it.
#ifndef JVPGEN_COMPILER_CPU_JIT_H
#define JVPGEN_COMPILER_CPU_JIT_H

#include "compiler/cpu/Frame.h"
#include "support/Result.h"
#include <memory>
#include <string>

namespace mlir {
class ModuleOp;
}

namespace jvpgen::cpu {

/// float32 numbers in the widest vector of this processor.
unsigned hostLanes();

/// Rewrites math, vector, scf and arith in a generated module to LLVM's dialect.
Result<void> lowerToLLVM(mlir::ModuleOp module);

/// The machine code of one module; its functions live as long as it does.
class Jit {
public:
  static Result<std::unique_ptr<Jit>> compile(mlir::ModuleOp lowered);
  ~Jit();
  Result<GeneratedFunction> find(const std::string &function) const;

private:
  struct State;
  explicit Jit(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace jvpgen::cpu

#endif
