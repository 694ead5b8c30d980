// Evaluates a parsed expression on dual numbers.
#ifndef JVPGEN_REFERENCE_EXPRESSIONTREE_H
#define JVPGEN_REFERENCE_EXPRESSIONTREE_H

#include "compiler/spec/Expression.h"
#include "reference/Dual.h"
#include <cstdlib>

namespace jvpgen::reference {

/// `variable(name)` gives the dual number that a name stands for. Truth values are 1 and 0.
template <typename S, typename Variable> Dual evaluateTree(const Expr &e, Tape<S> &tape, Variable &variable) {
  DualArithmetic<S> dual(tape);
  Dual a[3];
  for (size_t k = 0; k < e.args.size() && k < 3; ++k) a[k] = evaluateTree<S>(e.args[k], tape, variable);
  switch (e.op) {
  case ExprOp::Number: return dual.number(std::strtod(e.text.c_str(), nullptr));
  case ExprOp::Variable: return variable(e.text);
  case ExprOp::Neg: return dual.neg(a[0]);
  case ExprOp::Add: return dual.add(a[0], a[1]);
  case ExprOp::Sub: return dual.sub(a[0], a[1]);
  case ExprOp::Mul: return dual.mul(a[0], a[1]);
  case ExprOp::Div: return dual.div(a[0], a[1]);
  case ExprOp::Exp: return dual.exp(a[0]);
  case ExprOp::Log: return dual.log(a[0]);
  case ExprOp::Tanh: return dual.tanh(a[0]);
  case ExprOp::Sqrt: return dual.sqrt(a[0]);
  case ExprOp::Abs: return dual.abs(a[0]);
  case ExprOp::Min: return dual.min(a[0], a[1]);
  case ExprOp::Max: return dual.max(a[0], a[1]);
  case ExprOp::Where: return dual.where(a[0], a[1], a[2]);
  case ExprOp::Lt: return dual.compare(a[0], a[1], [](double x, double y) { return x < y; });
  case ExprOp::Le: return dual.compare(a[0], a[1], [](double x, double y) { return x <= y; });
  case ExprOp::Gt: return dual.compare(a[0], a[1], [](double x, double y) { return x > y; });
  case ExprOp::Ge: return dual.compare(a[0], a[1], [](double x, double y) { return x >= y; });
  case ExprOp::Eq: return dual.compare(a[0], a[1], [](double x, double y) { return x == y; });
  case ExprOp::Ne: return dual.compare(a[0], a[1], [](double x, double y) { return x != y; });
  case ExprOp::And: return dual.compare(a[0], a[1], [](double x, double y) { return x != 0 && y != 0; });
  case ExprOp::Or: return dual.compare(a[0], a[1], [](double x, double y) { return x != 0 || y != 0; });
  case ExprOp::Not: return dual.compare(a[0], a[0], [](double x, double) { return x == 0; });
  case ExprOp::True: return dual.number(1);
  case ExprOp::False: return dual.number(0);
  }
  return {};
}

} // namespace jvpgen::reference

#endif
