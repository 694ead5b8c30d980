// One kernel's share of a sweep: which operations it carries out, on which operands, for which accumulators.
#ifndef JVPGEN_COMPILER_EMIT_SWEEPPROGRAM_H
#define JVPGEN_COMPILER_EMIT_SWEEPPROGRAM_H

#include "compiler/emit/Interface.h"
#include "schedule/Schedule.h"
#include "llvm/ADT/SetVector.h"

namespace jvpgen {

/// A matrix operand of products, owned or streamed.
struct Operand {
  std::string tensor;
  int features = 0;
};

/// The operations of all roles of a sweep in one list: an import is the tile that was exported, equal inputs and equal
/// scores are one. Values are looked up through `resolve`.
class FlatSweep {
public:
  explicit FlatSweep(attn::SweepOp sweep);

  mlir::Value resolve(mlir::Value v) const {
    auto it = alias.find(v);
    return it == alias.end() ? v : it->second;
  }
  attn::SweepOp sweep;
  std::vector<mlir::Operation *> body;

private:
  llvm::DenseMap<mlir::Value, mlir::Value> alias;
};

/// The part of a flat sweep that a group of accumulators needs.
class SweepProgram {
public:
  SweepProgram(const FlatSweep &flat, const Interface &interface, llvm::ArrayRef<std::string> accumulators);

  const FlatSweep &flat;
  const Interface &interface;
  std::vector<attn::AccumulatorOp> accumulators;
  std::vector<attn::ScoreOp> scores;
  std::vector<attn::MaxOp> maxima; ///< at most one
  std::vector<attn::ShiftOp> shifts;
  std::vector<attn::OutOp> outs;
  std::vector<attn::ReduceOp> reduces;
  std::vector<attn::EpilogueOp> epilogues;
  std::vector<Operand> own, streamed;

  bool isRowSweep() const { return attn::SweepOp(flat.sweep).isRowSweep(); }
  mlir::Value resolve(mlir::Value v) const { return flat.resolve(v); }
  attn::AccumulatorOp accumulator(llvm::StringRef name) const;
  /// The factors of a score's products: which is owned, which is streamed.
  mlir::Value ownFactor(attn::ScoreOp score, unsigned i) const;
  mlir::Value streamedFactor(attn::ScoreOp score, unsigned i) const;
  /// The place of a factor among the operands.
  static int find(llvm::ArrayRef<Operand> operands, mlir::Value input);

  /// Products of 2 Sq Sk head_dim_qk FLOP that this part carries out.
  double products() const;
  ResourceModel resources() const;

private:
  size_t loadedTiles() const;
  llvm::DenseSet<mlir::Operation *> needed; ///< by the accumulators
  void addOperand(std::vector<Operand> &operands, mlir::Value input);
};

/// The kernels that a sweep becomes: one, or, where one has not registers enough for all accumulators, several that
/// each make some of them; what several need is computed in each. Epilogues keep the accumulators that they join
/// together.
std::vector<SweepProgram> splitSweep(const FlatSweep &flat, const Interface &interface);

} // namespace jvpgen

#endif
