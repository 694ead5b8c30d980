// The mathematics as uniqued terms: scalars per index tuple, broadcast by name, normalised where they are made.
#ifndef JVPGEN_COMPILER_IR_TERM_H
#define JVPGEN_COMPILER_IR_TERM_H

#include "compiler/ir/IndexSet.h"
#include "compiler/ir/Rational.h"
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace jvpgen {

enum class TermKind {
  Input,    ///< name, inputKind: a given value
  Index,    ///< name: i, j, b, h, q_length, kv_length as a number
  Size,     ///< name: the length of an index
  Constant, ///< constant
  Lin,      ///< constant + sum of coefficients[k] * args[k]
  Mul,      ///< product of args
  Sum,      ///< sum of args[0] over `over`
  Apply,    ///< name: a function of the table, applied to args
  Lse,      ///< log of the sum over `over` of exp(args[0]) where the mask `name` keeps
  Mexp,     ///< exp(args[0]) where the mask `name` keeps, else 0
};

enum class InputKind { Primal, Tangent, Cotangent, Saved, Plan };

class TermContext;
struct TermNode;
using Term = const TermNode *; ///< equal terms are one node: compare pointers

struct TermNode {
  TermKind kind;
  std::string name = {};
  InputKind inputKind = InputKind::Primal;
  std::vector<Term> args = {};
  std::vector<Rational> coefficients = {}; ///< Lin
  Rational constant = Rational(0);         ///< Constant, Lin
  IndexSet over = {};                      ///< Sum, Lse
  IndexSet indices = {};
  unsigned id = 0;        ///< creation order: the canonical order of operands
  bool reduced = false;   ///< depends on a reduction over a streamed index, or on a saved output
  bool cotangent = false; ///< depends on a cotangent
  mutable int level = -1; ///< memo of level(), derive/Structure.h
  TermContext *context = nullptr;

  bool is(TermKind k) const { return kind == k; }
  bool isTile() const { return indices.contains(kStreamed); }
  bool isZero() const { return kind == TermKind::Constant && constant == Rational(0); }
  bool isOne() const { return kind == TermKind::Constant && constant == Rational(1); }
};

using Summand = std::pair<Term, Rational>;

/// Owns the terms. The constructors normalise (docs/derivation.md): lin flattens, merges equal terms and keeps one node
/// per ray; mul flattens, sorts, moves coefficients outside; sum is linear and moves factors free of its indices
/// outside. A *letter* (a lin of tile or other values without feature index, reduction or cotangent) is never flattened
/// or opened.
class TermContext {
public:
  TermContext();
  TermContext(const TermContext &) = delete;
  ~TermContext();

  Term zero() { return constant(0); }
  Term one() { return constant(1); }
  Term constant(const Rational &value);
  Term constant(int64_t value) { return constant(Rational(value)); }
  Term input(const std::string &name, IndexSet indices, InputKind kind = InputKind::Primal);
  Term index(const std::string &name);
  Term size(char index);
  Term lin(std::vector<Summand> terms, Rational constant = Rational(0));
  Term mul(const std::vector<Term> &factors);
  Term sum(IndexSet over, Term body);
  Term apply(const std::string &function, std::vector<Term> args);
  Term lse(IndexSet over, Term score, const std::string &mask = "mask");
  Term mexp(Term exponent, const std::string &mask = "mask");

  Term add(Term a, Term b) { return lin({{a, Rational(1)}, {b, Rational(1)}}); }
  Term subtract(Term a, Term b) { return lin({{a, Rational(1)}, {b, Rational(-1)}}); }
  Term scale(const Rational &c, Term a) { return lin({{a, c}}); }
  Term divide(Term a, Term b);

  /// The node without normalisation: for rewrites that must keep a form.
  Term raw(TermNode node);
  /// A term like `t` with other arguments, normalised.
  Term remake(Term t, const std::vector<Term> &args);

private:
  struct Table;
  std::unique_ptr<Table> table;
};

/// A lin with several summands and neither feature index, reduction nor cotangent: one symbol.
bool isLetter(Term t);

/// The factors of a product; a term that is no product is its own only factor, 1 has one factor (itself).
std::vector<Term> factorsOf(Term t);

/// All terms below the roots, arguments first.
std::vector<Term> topologicalOrder(const std::vector<Term> &roots);

/// One-line text, for messages and tests: sum_j[p*v], (a - 1/2*b), tanh(x).
std::string print(Term t);

} // namespace jvpgen

#endif
