// The rules. Above each entry stands its formula; y is the value of the function itself.
#include "compiler/derive/Rules.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

using namespace jvpgen;
using llvm::ArrayRef;

using Partials = std::vector<Term>;

static Term call(const char *function, std::vector<Term> args) {
  TermContext &c = *args[0]->context;
  return c.apply(function, std::move(args));
}

static Term difference(Term a, Term b) { return a->context->subtract(a, b); }

/// A function that is constant wherever it is differentiable: every partial is 0.
static Partials flat(Term y, ArrayRef<Term> x) { return Partials(x.size(), y->context->zero()); }

static const Rule kRules[] = {
    // d exp(x) = exp(x) dx
    {"exp", 1, [](Term y, ArrayRef<Term>) -> Partials { return {y}; }},
    // d log(x) = dx / x
    {"log", 1, [](Term, ArrayRef<Term> x) -> Partials { return {call("recip", {x[0]})}; }},
    // d (1/x) = -(1/x)^2 dx
    {"recip", 1,
     [](Term y, ArrayRef<Term>) -> Partials { return {y->context->scale(Rational(-1), y->context->mul({y, y}))}; }},
    // the same where 1/0 is taken as 0, a constant
    {"recip0", 1,
     [](Term y, ArrayRef<Term>) -> Partials { return {y->context->scale(Rational(-1), y->context->mul({y, y}))}; }},
    // d tanh(x) = (1 - tanh(x)^2) dx
    {"tanh", 1,
     [](Term y, ArrayRef<Term>) -> Partials { return {difference(y->context->one(), y->context->mul({y, y}))}; }},
    // d L(x) = (L(x) - L(x)^2) dx,  L(x) = 1 / (1 + exp(-x))
    {"logistic", 1, [](Term y, ArrayRef<Term>) -> Partials { return {difference(y, y->context->mul({y, y}))}; }},
    // d sqrt(x) = dx / (2 sqrt(x))
    {"sqrt", 1,
     [](Term y, ArrayRef<Term>) -> Partials { return {y->context->scale(Rational(1, 2), call("recip", {y}))}; }},
    // d |x| = sign(x) dx, sign(0) = 0
    {"abs", 1, [](Term, ArrayRef<Term> x) -> Partials { return {call("sign", {x[0]})}; }},
    // d min(a, b) = step(b - a) da + step(a - b) db, step(0) = 1/2: at a tie each side takes half
    {"min", 2,
     [](Term, ArrayRef<Term> x) -> Partials {
       return {call("step", {difference(x[1], x[0])}), call("step", {difference(x[0], x[1])})};
     }},
    // d max(a, b) = step(a - b) da + step(b - a) db
    {"max", 2,
     [](Term, ArrayRef<Term> x) -> Partials {
       return {call("step", {difference(x[0], x[1])}), call("step", {difference(x[1], x[0])})};
     }},
    // d where(c, a, b) = where(c, 1, 0) da + where(c, 0, 1) db
    {"where", 3,
     [](Term y, ArrayRef<Term> x) -> Partials {
       Term zero = y->context->zero(), one = y->context->one();
       return {zero, call("where", {x[0], one, zero}), call("where", {x[0], zero, one})};
     }},
    // Piecewise constant: comparisons, logic, and what the rules above are made of.
    {"sign", 1, flat},
    {"step", 1, flat},
    {"nonempty", 1, flat},
    {"lt", 2, flat},
    {"le", 2, flat},
    {"eq", 2, flat},
    {"and", 2, flat},
    {"or", 2, flat},
    {"not", 1, flat},
};

ArrayRef<Rule> jvpgen::ruleTable() { return kRules; }

const Rule *jvpgen::findRule(llvm::StringRef function) {
  for (const Rule &r : kRules)
    if (function == r.function) return &r;
  return nullptr;
}

std::vector<std::pair<Term, Term>> jvpgen::partialsOf(Term t) {
  std::vector<std::pair<Term, Term>> out;
  TermContext &context = *t->context;
  switch (t->kind) {
  case TermKind::Lin: // d sum_k c_k x_k = sum_k c_k dx_k
    for (auto [a, c] : llvm::zip(t->args, t->coefficients)) out.push_back({a, context.constant(c)});
    break;
  case TermKind::Mul: // d prod_k x_k = sum_k (prod of the others) dx_k
    for (size_t k = 0; k < t->args.size(); ++k) {
      std::vector<Term> others = t->args;
      others.erase(others.begin() + long(k));
      out.push_back({t->args[k], context.mul(others)});
    }
    break;
  case TermKind::Mexp: // d exp(x) = exp(x) dx, under the mask
    out.push_back({t->args[0], t});
    break;
  case TermKind::Apply:
    for (auto [a, p] : llvm::zip(t->args, findRule(t->name)->partials(t, t->args)))
      if (!p->isZero()) out.push_back({a, p});
    break;
  default: break;
  }
  return out;
}

Term jvpgen::softmaxWeight(Term lse) {
  TermContext &context = *lse->context;
  return context.mexp(context.subtract(lse->args[0], lse), lse->name);
}
