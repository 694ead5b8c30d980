// Writes one term as a formula; how sums, products and functions look is left to a notation.
#ifndef JVPGEN_COMPILER_DERIVE_NOTATION_H
#define JVPGEN_COMPILER_DERIVE_NOTATION_H

#include "compiler/derive/Listing.h"
#include "llvm/ADT/ArrayRef.h"

namespace jvpgen {

/// A formula and how tightly it binds.
struct Formula {
  enum Binding { Sum, Product, Atom };
  std::string text;
  Binding binding = Atom;
};

/// Text or LaTeX. Arguments are formulas already written; `wrap` puts parentheses where the binding needs them.
class Notation {
public:
  virtual ~Notation() = default;

  virtual std::string input(const std::string &name) const = 0;
  virtual std::string index(const std::string &name) const = 0;
  virtual std::string symbol(const Definition &d) const = 0;
  virtual std::string magnitude(const ScaledNumber &number) const = 0; ///< of a positive number; "1" for one
  virtual std::string times(const std::string &a, const std::string &b) const = 0;
  virtual std::string square(const Formula &x) const = 0;
  virtual std::string quotient(const Formula &a, const Formula &b) const = 0;
  virtual std::string matmul(const Formula &a, const Formula &b) const = 0;
  virtual std::string transposed(const Formula &a) const = 0;
  virtual std::string rowSum(const Formula &x) const = 0;
  virtual std::string columnSum(const Formula &x) const = 0;
  virtual std::string sum(IndexSet over, const Formula &x) const = 0;
  virtual std::string lse(const Formula &x) const = 0;
  virtual std::string weight(const Formula &x) const = 0;
  virtual Formula function(const std::string &name, llvm::ArrayRef<Formula> x) const = 0;
  virtual std::string wrap(const Formula &x, Formula::Binding least) const = 0;
};

/// Writes terms, those of a listing by their names.
class FormulaWriter {
public:
  FormulaWriter(const Notation &notation, const std::vector<Definition> &listing, const Rational &scale);

  /// The right side of a term's definition.
  Formula define(Term t) const;

private:
  Formula write(Term t) const;
  Formula writeLin(Term t) const;
  Formula writeProduct(llvm::ArrayRef<Term> factors) const;
  Formula writeSum(Term t) const;
  std::vector<Summand> flattened(Term lin) const;

  const Notation &notation;
  std::map<Term, const Definition *> names;
  Rational scale;
};

} // namespace jvpgen

#endif
