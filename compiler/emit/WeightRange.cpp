// How the weights of f16 products stay within f16 whatever the size of the tangents: the exponentials of a row give
// way. Weights are p and p g, where g is linear in tangents:
//   p = exp(s - m) 2^room,    room = 15 - log2 max(1, greatest |g| of the row so far), rounded down
// so |p| and |p g| are at most 2^15, and p g is a number of full precision where tangents are tiny. All sums of a row
// carry 2^room, and leave their sweep without it: in m + log l it would cost digits, and where lse is given in place of
// a running maximum nothing divides by it.
#include "compiler/emit/SweepWriter.h"
#include "compiler/emit/Text.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

/// What a weight multiplies its exponential by; nothing where the weight is not one exponential times other factors.
static std::optional<llvm::SmallVector<Value>> cofactors(const SweepProgram &program, Value weight) {
  if (weight.getDefiningOp<MexpOp>()) return llvm::SmallVector<Value>();
  auto product = weight.getDefiningOp<MulOp>();
  if (!product) return std::nullopt;
  llvm::SmallVector<Value> out;
  bool hasExponential = false;
  for (Value factor : product.getFactors()) {
    factor = program.resolve(factor);
    if (!hasExponential && factor.getDefiningOp<MexpOp>())
      hasExponential = true;
    else
      out.push_back(factor);
  }
  if (!hasExponential) return std::nullopt;
  return out;
}

/// Whether a weight's exponent subtracts a saved value of its row, as exp(S - lse) does.
static bool subtractsSaved(const SweepProgram &program, MexpOp mexp) {
  auto lin = program.resolve(mexp.getExponent()).getDefiningOp<LinOp>();
  if (!lin) return false;
  for (auto [term, c] : llvm::zip(lin.getTerms(), lin.getCoefficients()))
    if (auto input = program.resolve(term).getDefiningOp<InputOp>())
      if (input.getKind() == "saved" && toDouble(cast<StringAttr>(c).getValue()) < 0) return true;
  return false;
}

/// Sums relative to centres, of weights whose normaliser is given.
bool SweepWriter::hasGivenReference() {
  if (!program.maxima.empty() || program.shifts.empty() || !program.isRowSweep()) return false;
  return llvm::all_of(program.flat.body, [&](Operation *op) {
    auto mexp = dyn_cast<MexpOp>(op);
    return !mexp || subtractsSaved(program, mexp);
  });
}

void SweepWriter::makeRoomBesideReference() {
  if (!limitsWeights()) return;
  state += "float room[2 * M]; ///< weights are 2^room as large as the reference says\n";
  clearing += "for (int r = 0; r < 2 * M; ++r) room[r] = kMostRoom;\n";
  points.beside_exponents = "room[r]";
}

/// Sums without 2^room, when a sweep ends.
std::string SweepWriter::leaveRoom() {
  if (!limitsWeights()) return "";
  return "float whole[2 * M];\nfor (int r = 0; r < 2 * M; ++r) whole[r] = exp2_fast(-room[r]);\n" + scaleSums("whole");
}

bool SweepWriter::limitsWeights() {
  if (elementType() != "F16" || (program.maxima.empty() && !hasGivenReference())) return false;
  if (storesTiles()) return false; // what is stored entry by entry has no sum to take the room from in the end
  bool hasCofactors = false;
  for (OutOp out : program.outs) {
    std::optional<llvm::SmallVector<Value>> factors = cofactors(program, program.resolve(out.getTile()));
    if (!factors) return false;
    hasCofactors |= !factors->empty();
  }
  return hasCofactors;
}

/// The greatest |g| of the tile's entries, and less room where it has outgrown what there is.
Result<std::string> SweepWriter::rangeText() {
  if (!limitsWeights()) return std::string();
  auto sinks = [&]() -> Result<std::string> {
    std::string out;
    llvm::DenseSet<Value> met;
    for (OutOp o : program.outs) {
      const Value weight = program.resolve(o.getTile());
      const double coefficient = std::abs(toDouble(o.getCoefficient()));
      llvm::SmallVector<Value> factors = *cofactors(program, weight);
      if (factors.empty() || !met.insert(weight).second) continue;
      std::string product;
      for (Value factor : factors) {
        Result<std::string> text = points.use(factor);
        if (!text) return text;
        product += (product.empty() ? "" : " * ") + *text;
      }
      if (!points.vanishesWhereMasked(weight)) product = "keep(m, n, e) ? " + product + " : 0.f";
      out += "reach[r] = greatest(reach[r], " + scaled(coefficient, "magnitude(" + product + ")") + ");\n";
    }
    return out;
  };
  Result<std::string> pass = passText(sinks, "float reach[2 * M] = {}, less[2 * M];\n");
  if (!pass) return pass;
  return *pass + "if (make_room<M>(room, less, reach)) {\n" + indent(scaleSums("less"), 2) + "}\n";
}
