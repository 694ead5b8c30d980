// What a term means to a sweep: streamed values, products, levels, tiles, and how terms are opened and rebuilt.
#ifndef JVPGEN_COMPILER_DERIVE_STRUCTURE_H
#define JVPGEN_COMPILER_DERIVE_STRUCTURE_H

#include "compiler/ir/Program.h"
#include <functional>
#include <set>

namespace jvpgen {

/// Terms in the order of their creation: deterministic where pointers are not.
struct ById {
  bool operator()(Term a, Term b) const { return a->id < b->id; }
};
using TermSet = std::set<Term, ById>;

/// A value that a sweep over i or j must accumulate: an lse, or a sum over i or j of a tile.
bool streams(Term t);

/// A matrix product: a sum whose body has i, j and a feature index.
bool isContraction(Term t);

/// A sum of a tile over anything but features alone: what a sweep accumulates (bias gradients included).
bool isTileSum(Term t);

/// How many sweeps must have ended before a value is known; inputs and saved values 0.
int level(Term t);

/// Products that a sweep executes to know these values of a tile; what other sweeps accumulate is loaded.
TermSet closure(const std::vector<Term> &roots);

/// The opened polynomial: products distributed over every lin that `opens` allows (default: all) and over sums of them;
/// letters stay closed. Equal monomials are not merged: `lin(termsOf(t))` does that.
std::vector<Summand> termsOf(Term t, const std::function<bool(Term)> &opens = {});

/// The polynomial with equal monomials merged.
std::vector<Summand> mergedTermsOf(Term t);

/// How many monomials termsOf gives, without making them; equal ones count each.
double countTerms(Term t);

/// Summands of a value: coefficients distributed over the plain sums at its top, without opening products.
std::vector<Summand> summandsOf(Term t);

/// The factors of a sum's body that have no feature index (its tile), and those that have one.
Term tileOf(Term sum);
std::vector<Term> featureFactorsOf(Term sum);

/// Rebuilds the terms below the roots, arguments first; `hook` sees each rebuilt term and returns what replaces it.
std::vector<Term> rebuild(const std::vector<Term> &roots, const std::function<Term(Term)> &hook);

/// Replaces `from` by `to` everywhere below a term.
Term substitute(Term t, Term from, Term to);

} // namespace jvpgen

#endif
