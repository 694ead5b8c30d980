// Forward mode.
#include "compiler/derive/Tangent.h"

#include "compiler/derive/Rules.h"
#include <unordered_map>

using namespace jvpgen;

/// The tangent of one term, its arguments' tangents being known.
static Term tangentOfNode(Term t, const std::unordered_map<Term, Term> &tangents) {
  TermContext &context = *t->context;
  // t(sum x) = sum tx
  if (t->is(TermKind::Sum)) return context.sum(t->over, tangents.at(t->args[0]));
  // t lse(S) = sum_j P tS
  if (t->is(TermKind::Lse)) {
    Term ts = tangents.at(t->args[0]);
    return ts->isZero() ? ts : context.sum(t->over, context.mul({softmaxWeight(t), ts}));
  }
  // t f(x...) = sum_k f_k tx_k
  std::vector<Summand> parts;
  for (auto [a, partial] : partialsOf(t))
    if (Term ta = tangents.at(a); !ta->isZero()) parts.push_back({context.mul({partial, ta}), Rational(1)});
  return context.lin(std::move(parts));
}

std::vector<Term> jvpgen::tangentOf(const std::vector<Term> &roots, const std::map<Term, Term> &seed) {
  std::unordered_map<Term, Term> tangents;
  for (Term t : topologicalOrder(roots)) {
    auto given = seed.find(t);
    tangents[t] = given != seed.end() ? given->second : tangentOfNode(t, tangents);
  }
  std::vector<Term> out;
  for (Term r : roots) out.push_back(tangents.at(r));
  return out;
}
