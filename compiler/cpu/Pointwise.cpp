// Pointwise operations: lin, mul, apply, mexp.
#include "compiler/cpu/Pointwise.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSwitch.h"
#include <limits>

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

Value Scope::find(Value value) const {
  for (const Scope *scope = this; scope; scope = scope->parent)
    if (auto it = scope->known.find(value); it != scope->known.end()) return it->second;
  return {};
}

Value Scope::evaluate(Value value) {
  if (Value v = find(value)) return v;
  Value v = compute(value.getDefiningOp());
  known[value] = v;
  return v;
}

/// constant + sum of coefficient * term
static Value linear(Code &code, Scope &scope, attn::LinOp op) {
  double constant = attn::toDouble(op.getConstant());
  Value sum = constant != 0 ? code.number(constant) : Value();
  for (auto [term, coefficient] : llvm::zip(op.getTerms(), op.getCoefficients())) {
    double c = attn::toDouble(cast<StringAttr>(coefficient).getValue());
    Value x = scope.evaluate(term);
    if (!sum)
      sum = c == 1 ? x : code.mul(x, code.number(c));
    else if (c == 1 || c == -1)
      sum = c == 1 ? code.add(sum, x) : code.sub(sum, x);
    else
      sum = code.fma(x, code.number(c), sum);
  }
  return sum ? sum : code.number(constant);
}

Value Scope::compute(Operation *op) {
  if (auto constant = dyn_cast<attn::ConstantOp>(op)) return code.number(attn::toDouble(constant.getValue()));
  if (auto lin = dyn_cast<attn::LinOp>(op)) return linear(code, *this, lin);
  if (auto mul = dyn_cast<attn::MulOp>(op)) {
    Value product;
    for (Value factor : mul.getFactors()) product = product ? code.mul(product, evaluate(factor)) : evaluate(factor);
    return product ? product : code.number(1);
  }
  if (auto function = dyn_cast<attn::ApplyOp>(op)) return apply(function);
  if (auto mexp = dyn_cast<attn::MexpOp>(op)) {
    Value e = code.apply(Code::Function::Exp, evaluate(mexp.getExponent()));
    Value kept;
    for (const Scope *scope = this; scope && !kept; scope = scope->parent) kept = scope->keep;
    return kept ? code.select(kept, e, code.number(0)) : e;
  }
  return leaf(op);
}

namespace {
/// The functions of the table, see attn.apply.
enum Function {
  Exp,
  Log,
  Tanh,
  Logistic,
  Sqrt,
  Abs,
  Min,
  Max,
  Where,
  Lt,
  Le,
  Eq,
  Recip,
  Recip0,
  Sign,
  Step,
  Nonempty,
  And,
  Or,
  Not,
};
} // namespace

static Function functionOf(llvm::StringRef name) {
  return llvm::StringSwitch<Function>(name)
      .Case("exp", Exp)
      .Case("log", Log)
      .Case("tanh", Tanh)
      .Case("logistic", Logistic)
      .Case("sqrt", Sqrt)
      .Case("abs", Abs)
      .Case("min", Min)
      .Case("max", Max)
      .Case("where", Where)
      .Case("lt", Lt)
      .Case("le", Le)
      .Case("eq", Eq)
      .Case("recip", Recip)
      .Case("recip0", Recip0)
      .Case("sign", Sign)
      .Case("step", Step)
      .Case("nonempty", Nonempty)
      .Case("and", And)
      .Case("or", Or)
      .Case("not", Not);
}

Value Scope::apply(attn::ApplyOp op) {
  llvm::SmallVector<Value, 3> x;
  for (Value argument : op.getArguments()) x.push_back(evaluate(argument));
  Value zero = code.number(0), one = code.number(1);
  auto indicator = [&](Value condition) { return code.select(condition, one, zero); };
  auto holds = [&](Value v) { return code.compare(Compare::NotEqual, v, zero); };
  // sign and step take the middle at 0.
  auto bySign = [&](double below, double at, double above) {
    Value notAbove = code.select(code.compare(Compare::Less, x[0], zero), code.number(below), code.number(at));
    return code.select(code.compare(Compare::Greater, x[0], zero), code.number(above), notAbove);
  };
  switch (functionOf(op.getFunction())) {
  case Exp: return code.apply(Code::Function::Exp, x[0]);
  case Log: return code.apply(Code::Function::Log, x[0]);
  case Tanh: return code.apply(Code::Function::Tanh, x[0]);
  case Logistic: return code.div(one, code.add(one, code.apply(Code::Function::Exp, code.sub(zero, x[0]))));
  case Sqrt: return code.apply(Code::Function::Sqrt, x[0]);
  case Abs: return code.apply(Code::Function::Abs, x[0]);
  case Min: return code.least(x[0], x[1]);
  case Max: return code.greatest(x[0], x[1]);
  case Where: return code.select(holds(x[0]), x[1], x[2]);
  case Lt: return indicator(code.compare(Compare::Less, x[0], x[1]));
  case Le: return indicator(code.compare(Compare::LessEqual, x[0], x[1]));
  case Eq: return indicator(code.compare(Compare::Equal, x[0], x[1]));
  case Recip: return code.div(one, x[0]);
  case Recip0: return code.select(code.compare(Compare::Equal, x[0], zero), zero, code.div(one, x[0]));
  case Sign: return bySign(-1, 0, 1);
  case Step: return bySign(0, 0.5, 1);
  case Nonempty:
    return indicator(code.compare(Compare::Greater, x[0], code.number(-std::numeric_limits<double>::infinity())));
  case And: return indicator(code.both(holds(x[0]), holds(x[1])));
  case Or: return indicator(code.either(holds(x[0]), holds(x[1])));
  case Not: return indicator(code.negate(holds(x[0])));
  }
  llvm_unreachable("the verifier knows the functions");
}

void cpu::visit(ArrayRef<Value> roots, function_ref<bool(Value)> enter, function_ref<void(Value)> done) {
  llvm::DenseSet<Value> seen;
  auto walk = [&](auto &self, Value v) -> void {
    if (!seen.insert(v).second) return;
    if (enter(v))
      for (Value operand : v.getDefiningOp()->getOperands()) self(self, operand);
    done(v);
  };
  for (Value v : roots) walk(walk, v);
}
