// The mask in generated code: its predicate on vectors of entries, its classifier on boxes of entries.
#ifndef JVPGEN_COMPILER_CPU_PREDICATE_H
#define JVPGEN_COMPILER_CPU_PREDICATE_H

#include "compiler/cpu/Storage.h"
#include <utility>

namespace jvpgen::cpu {

/// The mask of a module; without an attn.mask every entry is kept.
class Predicate {
public:
  Predicate(Code &code, Access &access, attn::MaskOp mask) : code(code), access(access), mask(mask) {}

  /// Whether the entry (i, j) is kept, lengths aside: i1, or a vector where i or j (i64) is one.
  mlir::Value keeps(const Place &place);

  /// Whether some entry of the box is kept, and whether some is not; ends included.
  std::pair<mlir::Value, mlir::Value> classify(const Place &place, mlir::Value i0, mlir::Value i1, mlir::Value j0,
                                               mlir::Value j1);

private:
  Code::Values run(mlir::Region &region, llvm::ArrayRef<mlir::Value> arguments, const Place &place);
  mlir::Value fetch(attn::FetchOp op, llvm::ArrayRef<mlir::Value> at, const Place &place);
  Code::Values fetchRange(attn::FetchRangeOp op, mlir::Value first, mlir::Value last, const Place &place);
  const Tensor &tensor(llvm::StringRef name) { return access.storage.named(name, ""); }

  Code &code;
  Access &access;
  attn::MaskOp mask;
};

} // namespace jvpgen::cpu

#endif
