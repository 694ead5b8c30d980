// The form in which a role computes a tile: row and column parts apart from tile parts, scales where they cost nothing.
#ifndef JVPGEN_COMPILER_PLAN_SEPARATE_H
#define JVPGEN_COMPILER_PLAN_SEPARATE_H

#include "compiler/plan/Sweep.h"

namespace jvpgen {

/// The lin sum_k c_k t_k + constant as it stands, without normalisation; equal terms merged, one term of coefficient 1
/// is itself.
Term plainLin(TermContext &terms, std::vector<Summand> summands, const Rational &constant = Rational(0));

/// t = coefficient * body, through nested scales.
Summand withoutScale(Term t);

/// c * t, the coefficient inside if t is a lin.
Term scaledLin(Term t, const Rational &c);

/// A term like `t` with other arguments, as it stands: lins by plainLin, products sorted.
Term plainRemake(Term t, const std::vector<Term> &args);

/// The same value with every scale of a lin moved into it: for what is computed once a row, where letters need no name
/// of their own.
Term withoutNestedScales(Term t);

/// Summands of a value with all plain sums at its top opened, letters included; products of row and column parts
/// distributed where each piece is then a row or a column: slope * (j - i) = slope * j - slope * i. The constant is
/// added to `constant`.
std::vector<Summand> separatedSummands(Term t, Rational &constant);

/// Row and column values that are computed before the sweeps of a variant, shared by all of them.
class Statistics {
public:
  /// The value itself, or the symbol of an attn.pre that holds it. A value with the streamed index that costs an
  /// operation is stored, and so is any sum over features; what depends on symbols of a plan is not.
  Term shared(Term value, Axis axis);

  const std::vector<NamedTerm> &all() const { return statistics; }

private:
  std::vector<NamedTerm> statistics;
  std::map<Term, Term, ById> symbols;
};

/// Brings the tiles of one role into that form; all of them together, since what only one of them uses may be inlined.
std::vector<Term> separateTiles(const std::vector<Term> &tiles, Axis axis, Statistics &statistics);

} // namespace jvpgen

#endif
