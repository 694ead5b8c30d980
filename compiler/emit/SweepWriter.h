// Writes the policy of one sweep kernel part by part: products, pointwise passes, epilogues, operands, mask.
#ifndef JVPGEN_COMPILER_EMIT_SWEEPWRITER_H
#define JVPGEN_COMPILER_EMIT_SWEEPWRITER_H

#include "compiler/emit/ScalarText.h"
#include "compiler/emit/SweepText.h"

namespace jvpgen {

/// Writes the policy part by part.
class SweepWriter {
public:
  SweepWriter(const SweepProgram &program, llvm::ArrayRef<TensorInfo> kept)
      : program(program), interface(program.interface), kept(kept), points(program, parameters) {}

  Result<KernelText> write(const std::string &kernel, const std::string &title);

protected:
  Result<void> checkOperands();
  void declareAccumulators();
  void nameScores();
  std::string earlyTile(mlir::Value v);
  mlir::Value maximumTile(attn::MaxOp max);
  Result<std::string> maximumText(attn::MaxOp max);
  std::string scaleSums(const std::string &factor);
  bool limitsWeights();
  bool hasGivenReference();
  void makeRoomBesideReference();
  std::string leaveRoom();
  Result<std::string> rangeText();
  std::string centreText(attn::ShiftOp shift);
  bool isLazy() const;
  bool recentres();
  std::string moveSums(attn::ShiftOp shift, const std::string &fall);
  Result<std::string> earlyText(llvm::ArrayRef<std::pair<mlir::Value, std::string>> values);
  Result<std::string> referenceText();
  Result<std::string> passText(llvm::function_ref<Result<std::string>()> sinks, const std::string &before);
  Result<std::string> sinksText();
  Result<std::string> meetText();
  ScalarText epilogueScalars();
  std::string keptText();
  Result<std::string> leaveText();
  std::string scoresText();
  std::string outsText();
  std::string formulas();
  std::string operandsText();
  std::string statisticsText();
  static bool writesFeatures(attn::EpilogueOp epilogue);
  static std::string roundedName(llvm::StringRef accumulator);
  bool isSummedRounded(attn::ReduceOp reduce);
  bool isRounded(llvm::StringRef accumulator);
  std::string storeTile(attn::ReduceOp reduce, const std::string &value);
  std::string skipText();
  std::string elementType() const;
  bool storesTiles() const;
  std::string enterText();
  const TensorInfo *tileTensor(attn::AccumulatorOp acc);
  std::string weightsName(mlir::Value tile, double coefficient);
  std::string scoreName(mlir::Value v) { return scoreNames.lookup(program.resolve(v)); }

  /// By how much a sum changes with a row's centre: coefficient * base for each unit that the centre falls; no base
  /// where it does not.
  struct Moved {
    std::string base;
    double coefficient = 0;
  };
  /// Nothing where the base is not among the sums.
  std::optional<Moved> movedBy(llvm::StringRef accumulator, attn::ShiftOp shift);
  struct DivisionText {
    std::string text;
    int numbers = 0; ///< that a thread hands over
  };
  std::optional<DivisionText> divisionText();

  const SweepProgram &program;
  const Interface &interface;
  llvm::ArrayRef<TensorInfo> kept;
  Parameters parameters;
  Pointwise points;
  llvm::DenseMap<mlir::Value, std::string> scoreNames;
  std::vector<std::pair<std::pair<mlir::Value, double>, std::string>> weights;
  std::vector<std::pair<mlir::Value, std::string>>
      early;                 ///< tiles that maxima and centres read, computed before all else
  double referenceScale = 0; ///< of the exponentials' reference, in powers of two
  std::string softmaxWeight; ///< of an entry, for the centre of a row; empty if there is no running maximum
  llvm::SmallSetVector<mlir::Value, 4> masked; ///< score tiles that carry the mask
  std::string state;                           ///< members of the state beside those of the pointwise program
  std::string clearing;                        ///< their first values
};

} // namespace jvpgen

#endif
