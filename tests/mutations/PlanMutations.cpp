// One function for each kind of operation.
#include "tests/mutations/PlanMutations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

using namespace jvpgen;
using namespace jvpgen::attn;
using mlir::dyn_cast;
using Mutations = std::vector<PlanMutation>;

static mlir::StringAttr negated(mlir::StringAttr number) {
  llvm::StringRef text = number.getValue();
  return mlir::StringAttr::get(number.getContext(), text.consume_front("-") ? text.str() : "-" + text.str());
}

static mlir::StringAttr negatedAt(mlir::ArrayAttr numbers, size_t k) {
  return negated(mlir::cast<mlir::StringAttr>(numbers[k]));
}

/// The latest value of the same type that stands before in place of the first operand.
static void addWrongOperand(Mutations &out, mlir::Operation *op, const std::string &what,
                            const std::string &equivalent = "") {
  std::optional<unsigned> found;
  unsigned place = 0;
  for (mlir::Operation &other : *op->getBlock()) {
    if (&other == op) break;
    bool fits = other.getNumResults() == 1 && other.getResult(0) != op->getOperand(0) &&
                other.getResult(0).getType() == op->getOperand(0).getType();
    if (fits) found = place;
    ++place;
  }
  if (!found) return;
  auto apply = [at = *found](mlir::Operation *copy) {
    copy->setOperand(0, std::next(copy->getBlock()->begin(), at)->getResult(0));
  };
  out.push_back({what + " of another value", apply, equivalent});
}

static void addLin(Mutations &out, LinOp lin) {
  for (size_t k = 0; k < lin.getCoefficients().size(); ++k)
    out.push_back({"lin: coefficient " + std::to_string(k) + " negated", [k](mlir::Operation *copy) {
                     auto op = mlir::cast<LinOp>(copy);
                     std::vector<mlir::Attribute> all(op.getCoefficients().begin(), op.getCoefficients().end());
                     all[k] = negatedAt(op.getCoefficients(), k);
                     op.setCoefficientsAttr(mlir::ArrayAttr::get(op.getContext(), all));
                   }});
  if (lin.getConstant() != "0")
    out.push_back({"lin: constant negated", [](mlir::Operation *copy) {
                     auto op = mlir::cast<LinOp>(copy);
                     op.setConstantAttr(negated(op.getConstantAttr()));
                   }});
}

/// A factor is left out where the others have the product's own indices.
static void addMul(Mutations &out, MulOp mul) {
  unsigned count = unsigned(mul.getFactors().size());
  for (unsigned k = 0; k < count; ++k) {
    bool fits = false;
    for (unsigned j = 0; j < count; ++j) fits |= j != k && mul.getFactors()[j].getType() == mul.getType();
    if (!fits) continue;
    auto apply = [k, count](mlir::Operation *copy) {
      if (count == 2)
        copy->getResult(0).replaceAllUsesWith(copy->getOperand(1 - k));
      else
        copy->eraseOperand(k);
    };
    out.push_back({"mul: factor " + std::to_string(k) + " left out", apply});
    return;
  }
}

/// q for tq, v for tv, do for dto, one statistic for another.
static void addInput(Mutations &out, InputOp input) {
  unsigned place = 0;
  for (mlir::Operation &other : *input->getBlock()) {
    auto like = dyn_cast<InputOp>(other);
    if (like && like != input && like.getType() == input.getType()) {
      out.push_back(
          {"input " + input.getName().str() + " read from " + like.getName().str(), [place](mlir::Operation *copy) {
             auto from = mlir::cast<InputOp>(*std::next(copy->getBlock()->begin(), place));
             mlir::cast<InputOp>(copy).setNameAttr(from.getNameAttr());
             mlir::cast<InputOp>(copy).setKindAttr(from.getKindAttr());
           }});
      return;
    }
    ++place;
  }
}

static void addScore(Mutations &out, ScoreOp score) {
  size_t products = score.getOver().size();
  for (size_t k = 0; products > 1 && k < products; ++k)
    out.push_back({"score: product " + std::to_string(k) + " dropped", [k](mlir::Operation *copy) {
                     auto op = mlir::cast<ScoreOp>(copy);
                     std::vector<mlir::Attribute> over(op.getOver().begin(), op.getOver().end());
                     over.erase(over.begin() + long(k));
                     op.getColumnsMutable().erase(unsigned(k));
                     op.getRowsMutable().erase(unsigned(k));
                     op.setOverAttr(mlir::ArrayAttr::get(op.getContext(), over));
                   }});
}

template <typename Op> static void addAccumulation(Mutations &out, Op op, const std::string &kind) {
  out.push_back({kind + " into " + op.getAccumulator().str() + " negated", [](mlir::Operation *copy) {
                   auto same = mlir::cast<Op>(copy);
                   same.setCoefficientAttr(negated(same.getCoefficientAttr()));
                 }});
  out.push_back(
      {kind + " into " + op.getAccumulator().str() + " dropped", [](mlir::Operation *copy) { copy->erase(); }});
}

/// One entry more or less, and the opposite. A classifier may say that an entry of a box is perhaps dropped where none
/// is: the box is then looked at entry by entry.
static void addComparison(Mutations &out, mlir::arith::CmpIOp comparison) {
  using Predicate = mlir::arith::CmpIPredicate;
  Predicate given = comparison.getPredicate(), nearby = given, opposite = given;
  bool strict = given == Predicate::slt || given == Predicate::sgt,
       classifies = comparison->getParentRegion()->getRegionNumber() == 1;
  switch (given) {
  case Predicate::slt: nearby = Predicate::sle, opposite = Predicate::sge; break;
  case Predicate::sle: nearby = Predicate::slt, opposite = Predicate::sgt; break;
  case Predicate::sgt: nearby = Predicate::sge, opposite = Predicate::sle; break;
  case Predicate::sge: nearby = Predicate::sgt, opposite = Predicate::slt; break;
  default: return;
  }
  std::string what = classifies ? "classifier: " : "mask: ";
  auto set = [](Predicate to) {
    return [to](mlir::Operation *copy) { mlir::cast<mlir::arith::CmpIOp>(copy).setPredicate(to); };
  };
  out.push_back({what + "off by one", set(nearby),
                 classifies && strict ? "boxes without dropped entries are looked at entry by entry" : ""});
  out.push_back({what + "opposite", set(opposite)});
}

std::vector<PlanMutation> jvpgen::mutationsOf(mlir::Operation *op) {
  Mutations out;
  if (auto lin = dyn_cast<LinOp>(op)) addLin(out, lin);
  if (auto mul = dyn_cast<MulOp>(op)) addMul(out, mul);
  if (auto input = dyn_cast<InputOp>(op)) addInput(out, input);
  if (auto score = dyn_cast<ScoreOp>(op)) addScore(out, score);
  if (auto product = dyn_cast<OutOp>(op)) addAccumulation(out, product, "product");
  if (auto sum = dyn_cast<ReduceOp>(op)) addAccumulation(out, sum, "sum");
  if (dyn_cast<ApplyOp>(op) && op->getNumOperands() == 1)
    out.push_back({"function left out",
                   [](mlir::Operation *copy) { copy->getResult(0).replaceAllUsesWith(copy->getOperand(0)); }});
  if (auto comparison = dyn_cast<mlir::arith::CmpIOp>(op)) addComparison(out, comparison);
  if (dyn_cast<MexpOp>(op)) addWrongOperand(out, op, "exp");
  if (dyn_cast<ShiftOp>(op)) addWrongOperand(out, op, "shift", "any finite number serves as a row's shift");
  return out;
}
