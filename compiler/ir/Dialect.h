// The attn dialect: its types and operations, and the exact numbers that its attributes hold.
#ifndef JVPGEN_COMPILER_IR_DIALECT_H
#define JVPGEN_COMPILER_IR_DIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "compiler/ir/AttnDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "compiler/ir/AttnTypes.h.inc"
#define GET_OP_CLASSES
#include "compiler/ir/AttnOps.h.inc"

namespace jvpgen::attn {

/// Canonical order of indices in a type: s split, b batch, n key head, r query head in it, i query, j key, d, e
/// features.
inline constexpr llvm::StringLiteral kIndexOrder = "sbnrijde";

/// The union of two index sets, in canonical order.
std::string unite(llvm::StringRef a, llvm::StringRef b);

/// The double nearest to an exact number "p/q"; the text must have passed the verifier.
double toDouble(llvm::StringRef rational);

/// Reads a module of the dialect; diagnostics go to the context's handler.
mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef text, mlir::MLIRContext &context);

/// Loads what a context needs to hold the dialect (attn and arith).
void registerDialects(mlir::MLIRContext &context);

} // namespace jvpgen::attn

#endif
