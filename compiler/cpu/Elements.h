// Values on whole tensors, one element (or one run of features) at a time: packing of operands, pre- and post-passes.
#ifndef JVPGEN_COMPILER_CPU_ELEMENTS_H
#define JVPGEN_COMPILER_CPU_ELEMENTS_H

#include "compiler/cpu/Pointwise.h"
#include "compiler/cpu/Storage.h"

namespace jvpgen::cpu {

/// Features are taken in runs of this many: head dims are multiples of it.
inline constexpr unsigned kFeatureRun = 8;

/// A place, and the run of features there (null: the value has none).
struct Element {
  Place place;
  mlir::Value feature;
  unsigned width = 1; ///< of the run
};

/// The value at an element: f32, or a vector of the run's width. Sums become loops; nothing at or beyond a length is
/// read.
mlir::Value evaluateElement(Code &code, Access &access, mlir::Value value, const Element &element);

/// An integer index, or one of its lengths, as float32: "i", "j", "b", "h", "q_length", "kv_length".
mlir::Value indexNumber(Code &code, Access &access, attn::IndexOp op, const Place &place);

/// A pre- or post-pass as a generated function of its own: a task is a batch, a head and a block of `kPassRows` rows of
/// those that the target has. Rows of a sequence at or beyond its length become 0.
inline constexpr int64_t kPassRows = 64;
void emitPass(Code &code, Storage &storage, llvm::StringRef function, mlir::Region &body, const Tensor &target);

} // namespace jvpgen::cpu

#endif
