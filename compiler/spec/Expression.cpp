#include "compiler/spec/Expression.h"
#include <algorithm>
#include <set>
#include <string_view>

namespace jvpgen {

namespace {
enum Precedence { OrLevel = 1, AndLevel, ComparisonLevel, SumLevel, ProductLevel, UnaryLevel, PrimaryLevel };

/// How an operation is written: an infix symbol, a prefix symbol, or a function's name.
struct Notation {
  std::string_view text;
  Precedence level;
};
} // namespace

static Notation notation(ExprOp op) {
  switch (op) {
  case ExprOp::Or: return {" || ", OrLevel};
  case ExprOp::And: return {" && ", AndLevel};
  case ExprOp::Lt: return {" < ", ComparisonLevel};
  case ExprOp::Le: return {" <= ", ComparisonLevel};
  case ExprOp::Gt: return {" > ", ComparisonLevel};
  case ExprOp::Ge: return {" >= ", ComparisonLevel};
  case ExprOp::Eq: return {" == ", ComparisonLevel};
  case ExprOp::Ne: return {" != ", ComparisonLevel};
  case ExprOp::Add: return {" + ", SumLevel};
  case ExprOp::Sub: return {" - ", SumLevel};
  case ExprOp::Mul: return {" * ", ProductLevel};
  case ExprOp::Div: return {" / ", ProductLevel};
  case ExprOp::Neg: return {"-", UnaryLevel};
  case ExprOp::Not: return {"!", UnaryLevel};
  case ExprOp::Exp: return {"exp", PrimaryLevel};
  case ExprOp::Log: return {"log", PrimaryLevel};
  case ExprOp::Tanh: return {"tanh", PrimaryLevel};
  case ExprOp::Sqrt: return {"sqrt", PrimaryLevel};
  case ExprOp::Abs: return {"abs", PrimaryLevel};
  case ExprOp::Min: return {"min", PrimaryLevel};
  case ExprOp::Max: return {"max", PrimaryLevel};
  case ExprOp::Where: return {"where", PrimaryLevel};
  case ExprOp::True: return {"true", PrimaryLevel};
  case ExprOp::False: return {"false", PrimaryLevel};
  case ExprOp::Number:
  case ExprOp::Variable: return {"", PrimaryLevel};
  }
  return {"", PrimaryLevel};
}

static void write(const Expr &e, int lowest, std::string &text) {
  auto [symbol, level] = notation(e.op);
  bool parentheses = level < lowest;
  if (parentheses) text += '(';
  if (level == PrimaryLevel) {
    text += e.op == ExprOp::Number || e.op == ExprOp::Variable ? std::string_view(e.text) : symbol;
    for (size_t i = 0; i < e.args.size(); ++i) {
      text += i ? ", " : "(";
      write(e.args[i], OrLevel, text);
    }
    if (!e.args.empty()) text += ')';
  } else if (level == UnaryLevel) {
    text += symbol;
    write(e.args[0], UnaryLevel, text);
  } else { // the left operand may hold the same operator, the right one may not; comparisons do not chain
    write(e.args[0], level == ComparisonLevel ? level + 1 : level, text);
    text += symbol;
    write(e.args[1], level + 1, text);
  }
  if (parentheses) text += ')';
}

std::string print(const Expr &e) {
  std::string text;
  write(e, OrLevel, text);
  return text;
}

static void collect(const Expr &e, std::set<std::string> &names) {
  if (e.op == ExprOp::Variable) names.insert(e.text);
  for (const Expr &argument : e.args) collect(argument, names);
}

std::vector<std::string> variables(const Expr &e) {
  std::set<std::string> names;
  collect(e, names);
  return {names.begin(), names.end()};
}

bool sameTree(const Expr &a, const Expr &b) {
  return a.op == b.op && a.text == b.text &&
         std::equal(a.args.begin(), a.args.end(), b.args.begin(), b.args.end(), sameTree);
}

size_t countNodes(const Expr &e) {
  size_t count = 1;
  for (const Expr &argument : e.args) count += countNodes(argument);
  return count;
}

} // namespace jvpgen
