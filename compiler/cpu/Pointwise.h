// Evaluates values of the attn dialect pointwise: each operation once per scope, leaves by whoever opens the scope.
#ifndef JVPGEN_COMPILER_CPU_POINTWISE_H
#define JVPGEN_COMPILER_CPU_POINTWISE_H

#include "compiler/cpu/Code.h"
#include "compiler/ir/Dialect.h"
#include <functional>

namespace jvpgen::cpu {

/// What is known at one place of the generated code. A scope inside a loop sees what its parent knows; what it computes
/// is written at the current place and known in it alone.
class Scope {
public:
  using Leaf = std::function<mlir::Value(mlir::Operation *)>;

  /// `leaf` gives inputs, indices, scores, maxima, shifts, sums.
  Scope(Code &code, Leaf leaf) : code(code), leaf(std::move(leaf)) {}
  Scope(Scope &parent, Leaf leaf) : code(parent.code), leaf(std::move(leaf)), parent(&parent) {}
  explicit Scope(Scope &parent) : code(parent.code), leaf(parent.leaf), parent(&parent) {}

  mlir::Value evaluate(mlir::Value value);
  void know(mlir::Value value, mlir::Value is) { known[value] = is; }

  /// Entries that the mask keeps (i1 or a vector); null for all. Asked by mexp.
  mlir::Value keep;

private:
  mlir::Value find(mlir::Value value) const;
  mlir::Value compute(mlir::Operation *op);
  mlir::Value apply(attn::ApplyOp op);

  Code &code;
  Leaf leaf;
  Scope *parent = nullptr;
  llvm::DenseMap<mlir::Value, mlir::Value> known;
};

/// The indices of a value.
inline llvm::StringRef indicesOf(mlir::Value value) {
  return llvm::cast<attn::ValueType>(value.getType()).getIndices();
}

/// Visits what `roots` are computed from, operands first, each operation once; `enter` says whether to go below a
/// value.
void visit(llvm::ArrayRef<mlir::Value> roots, llvm::function_ref<bool(mlir::Value)> enter,
           llvm::function_ref<void(mlir::Value)> done);

} // namespace jvpgen::cpu

#endif
