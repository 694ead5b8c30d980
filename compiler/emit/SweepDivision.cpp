// What a block leaves of a part of its keys, and how parts are joined: functions of a sweep's State.
#include "compiler/emit/SweepWriter.h"
#include "compiler/emit/Text.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

namespace {
/// What an accumulator sums: tiles, times a streamed operand or by themselves, with their coefficients.
struct Summand {
  Value tile, matrix;
  double coefficient = 0;
};
using Summands = llvm::SmallVector<Summand, 4>;

/// A value times a number.
struct Multiple {
  double coefficient = 0;
  Value value; ///< null: 1
};
} // namespace

static Summands summandsOf(const SweepProgram &program, StringRef accumulator) {
  Summands out;
  for (ReduceOp o : program.reduces)
    if (o.getAccumulator() == accumulator)
      out.push_back({program.resolve(o.getTile()), Value(), toDouble(o.getCoefficient())});
  for (OutOp o : program.outs)
    if (o.getAccumulator() == accumulator)
      out.push_back({program.resolve(o.getTile()), program.resolve(o.getMatrix()), toDouble(o.getCoefficient())});
  return out;
}

/// The product of factors, if the sweep computes it.
static Value productOf(const SweepProgram &program, llvm::SmallVector<Value> factors) {
  if (factors.size() == 1) return factors[0];
  llvm::sort(factors, [](Value a, Value b) { return a.getAsOpaquePointer() < b.getAsOpaquePointer(); });
  for (Operation *op : program.flat.body) {
    auto product = dyn_cast<MulOp>(op);
    if (!product) continue;
    llvm::SmallVector<Value> others;
    for (Value factor : product.getFactors()) others.push_back(program.resolve(factor));
    llvm::sort(others, [](Value a, Value b) { return a.getAsOpaquePointer() < b.getAsOpaquePointer(); });
    if (others == factors) return product.getResult();
  }
  return {};
}

static bool dependsOn(const SweepProgram &program, Value v, Value shift) {
  v = program.resolve(v);
  if (v == shift) return true;
  Operation *op = v.getDefiningOp();
  return op && llvm::any_of(op->getOperands(), [&](Value operand) { return dependsOn(program, operand, shift); });
}

/// d v / d shift of what is linear in the shift:  d (sum_k c_k x_k) = c_shift,  d (x y) = dx y  where dx is a number.
/// Nothing where v is anything else.
static std::optional<Multiple> derivative(const SweepProgram &program, Value v, Value shift) {
  v = program.resolve(v);
  Operation *op = v.getDefiningOp();
  if (auto lin = dyn_cast_or_null<LinOp>(op)) {
    Multiple out;
    for (auto [term, c] : llvm::zip(lin.getTerms(), lin.getCoefficients()))
      if (Value x = program.resolve(term); x == shift)
        out.coefficient += toDouble(cast<StringAttr>(c).getValue());
      else if (dependsOn(program, x, shift))
        return std::nullopt;
    return out;
  }
  auto product = dyn_cast_or_null<MulOp>(op);
  if (!product) return std::nullopt;
  std::optional<Multiple> inner;
  llvm::SmallVector<Value> others;
  for (Value factor : product.getFactors()) {
    factor = program.resolve(factor);
    if (!dependsOn(program, factor, shift)) {
      others.push_back(factor);
    } else {
      if (inner) return std::nullopt;
      inner = derivative(program, factor, shift);
      if (!inner || inner->value) return std::nullopt;
    }
  }
  if (!inner || others.empty()) return inner;
  Value rest = productOf(program, others);
  return rest ? std::optional(Multiple{inner->coefficient, rest}) : std::nullopt;
}

/// What an accumulator's summands become when each is replaced by its derivative by the shift; empty if none depends
/// on it, nothing if one is not linear.
static std::optional<Summands> derivatives(const SweepProgram &program, const Summands &summands, Value shift) {
  Summands out;
  for (const Summand &s : summands) {
    if (!dependsOn(program, s.tile, shift)) continue;
    std::optional<Multiple> d = derivative(program, s.tile, shift);
    if (!d || !d->value) return std::nullopt;
    out.push_back({d->value, s.matrix, s.coefficient * d->coefficient});
  }
  return out;
}

/// The number by which `b` is `a`, if there is one.
static std::optional<double> ratio(const Summands &a, const Summands &b) {
  if (a.size() != b.size()) return std::nullopt;
  std::optional<double> out;
  for (const Summand &x : a) {
    auto y = llvm::find_if(b, [&](const Summand &s) { return s.tile == x.tile && s.matrix == x.matrix; });
    if (y == b.end() || (out && *out != x.coefficient / y->coefficient)) return std::nullopt;
    out = x.coefficient / y->coefficient;
  }
  return out;
}

std::optional<SweepWriter::Moved> SweepWriter::movedBy(StringRef accumulator, ShiftOp shift) {
  std::optional<Summands> moved = derivatives(program, summandsOf(program, accumulator), shift.getResult());
  if (!moved) return std::nullopt;
  if (moved->empty()) return Moved();
  for (AccumulatorOp base : program.accumulators) {
    const Summands sum = summandsOf(program, base.getName());
    const bool depends = llvm::any_of(program.shifts, [&](ShiftOp other) {
      return llvm::any_of(sum, [&](const Summand &s) { return dependsOn(program, s.tile, other.getResult()); });
    });
    if (std::optional<double> k = depends ? std::nullopt : ratio(*moved, sum)) return Moved{base.getName().str(), -*k};
  }
  return std::nullopt;
}

/// The functions `save` and `join`, and how many numbers they hand over; nothing where a sum cannot be moved to another
/// centre by what else is summed.
std::optional<SweepWriter::DivisionText> SweepWriter::divisionText() {
  DivisionText out;
  llvm::StringMap<int> place;
  std::string save, join;
  auto keepRows = [&](const std::string &name) {
    save += "save_rows<M>(to, " + std::to_string(out.numbers) + ", " + name + ");\n";
    return std::exchange(out.numbers, out.numbers + 2);
  };
  if (!program.maxima.empty())
    join += "join_reference<M>(reference, mine, theirs, other, " + std::to_string(keepRows("reference")) + ", " +
            literal(referenceScale) + ");\n";
  if (limitsWeights()) join += "join_room<M>(room, mine, theirs, other, " + std::to_string(keepRows("room")) + ");\n";
  for (ShiftOp shift : program.shifts) {
    const std::string name = "centre_" + shift.getName().str(), moved = "moved_" + shift.getName().str();
    join += "float " + moved + "[2 * M];\njoin_centre<M>(" + name + ", " + name + "_set, " + moved +
            ", theirs, other, " + std::to_string(keepRows(name)) + ");\n";
    keepRows(name + "_set");
  }
  if (!program.maxima.empty()) join += scaleSums("mine");
  auto add = [&](const std::string &sum, bool isTile, int at, const std::string &factor) {
    join += std::string(isTile ? "join_tile(" : "join_rows<M>(") + sum + ", other, " + std::to_string(at) + ", " +
            factor + ");\n";
  };
  for (AccumulatorOp acc : program.accumulators) {
    const std::string name = acc.getName().str();
    if (acc.getPlace() != "register") return std::nullopt;
    const int features = (interface.features(cast<ValueType>(acc.getType()).getIndices()) + 15) / 16 * 16;
    if (!features) {
      add(name, false, place[name] = keepRows(name), "theirs");
      if (isRounded(name)) add(roundedName(name), false, keepRows(roundedName(name)), "theirs");
      continue;
    }
    save += "save_tile(to, " + std::to_string(out.numbers) + ", " + name + ");\n";
    add(name, true, place[name] = out.numbers, "theirs");
    out.numbers += features / 2;
  }
  for (ShiftOp shift : program.shifts)
    for (AccumulatorOp acc : program.accumulators) {
      const std::string name = acc.getName().str();
      std::optional<Moved> moved = movedBy(name, shift);
      if (!moved) return std::nullopt;
      if (moved->base.empty()) continue;
      const std::string factor = "moved_" + shift.getName().str() + ", " + literal(moved->coefficient);
      const bool isTile = cast<ValueType>(acc.getType()).hasFeature();
      add(name, isTile, place[moved->base], factor);
      if (isRounded(name)) add(roundedName(name), false, place[moved->base], factor);
    }
  out.text =
      "/// What this part of the keys gave.\ntemplate <class Numbers> DEV void save(const Numbers &to) const {\n" +
      indent(save, 2) +
      "}\n/// Adds what another part gave.\ntemplate <class Numbers> DEV void join(const Numbers &other) {\n" +
      "  float mine[2 * M], theirs[2 * M];\n  for (int r = 0; r < 2 * M; ++r) mine[r] = theirs[r] = 1.f;\n" +
      indent(join, 2) + "}\n";
  return out;
}
