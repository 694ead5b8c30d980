// The float64 reference that travels in a bundle: derived programs, before any planning, as CUDA that loops over
// arrays.
#ifndef JVPGEN_COMPILER_EMIT_REFERENCETEXT_H
#define JVPGEN_COMPILER_EMIT_REFERENCETEXT_H

#include "compiler/ir/Program.h"
#include "runtime/abi/KernelBundle.h"
#include "support/Result.h"
#include "llvm/ADT/ArrayRef.h"
#include <optional>

namespace mlir {
class ModuleOp;
}

namespace jvpgen {

/// A program as the derivative rules gave it, with all saved outputs where it is a forward one, and, where it is among
/// the bundle's own, as plans start from it.
struct ReferencePrograms {
  Program derived;
  std::optional<Program> simplified;
};

/// Fills KernelBundle::references, and adds their texts to the bundle's files.
Result<void> addReferences(mlir::ModuleOp module, llvm::ArrayRef<ReferencePrograms> programs, KernelBundle &bundle);

} // namespace jvpgen

#endif
