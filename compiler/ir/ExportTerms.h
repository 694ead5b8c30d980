// Between terms and operations of the upper level: export into a block, import from a block.
#ifndef JVPGEN_COMPILER_IR_EXPORTTERMS_H
#define JVPGEN_COMPILER_IR_EXPORTTERMS_H

#include "compiler/ir/Dialect.h"
#include "compiler/ir/Program.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

namespace jvpgen {

/// Writes terms as operations at the builder's place, each once.
class TermExporter {
public:
  TermExporter(mlir::OpBuilder &builder, mlir::Location loc) : builder(builder), loc(loc) {}

  /// From now on a term is this value.
  void bind(Term t, mlir::Value value) { values[t] = value; }

  /// The value of a term, written with everything below it that is not written yet.
  mlir::Value value(Term t);

private:
  mlir::Value write(Term t);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  llvm::DenseMap<Term, mlir::Value> values;
};

/// The type of a term's value.
mlir::Type typeOf(mlir::MLIRContext *context, IndexSet indices);

/// Appends the program to a module as attn.program.
mlir::Operation *exportProgram(const Program &program, mlir::ModuleOp module);

/// The terms of an attn.program; `dims` from the module's attributes. Inverse of exportProgram in one context of terms.
Program importProgram(TermContext &terms, mlir::Operation *program);

} // namespace jvpgen

#endif
