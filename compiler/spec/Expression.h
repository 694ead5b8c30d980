// Score and mask expressions as parsed trees.
#ifndef JVPGEN_COMPILER_SPEC_EXPRESSION_H
#define JVPGEN_COMPILER_SPEC_EXPRESSION_H

#include <string>
#include <vector>

namespace jvpgen {

enum class ExprOp {
  Number,
  Variable,
  Neg,
  Add,
  Sub,
  Mul,
  Div,
  Exp,
  Log,
  Tanh,
  Sqrt,
  Abs,
  Min,
  Max,
  Where,
  Lt,
  Le,
  Gt,
  Ge,
  Eq,
  Ne,
  And,
  Or,
  Not,
  True,
  False
};

/// A node; `text` is a number's own decimal digits ("0.1", exact as a rational) or a variable's name.
struct Expr {
  ExprOp op = ExprOp::Number;
  std::string text;
  std::vector<Expr> args;
  unsigned line = 0, column = 0; ///< in the TOML file, from 1
};

/// No expression of a specification has more nodes, so no tree is deeper: recursion over one is safe.
constexpr size_t MaxExpressionNodes = 1000;

/// Canonical text with only the parentheses that are needed; parses back to the same tree.
std::string print(const Expr &e);

/// Names of all variables, sorted, each once.
std::vector<std::string> variables(const Expr &e);

/// The same operations on the same numbers and names, wherever they are written.
bool sameTree(const Expr &a, const Expr &b);

size_t countNodes(const Expr &e);

} // namespace jvpgen

#endif
