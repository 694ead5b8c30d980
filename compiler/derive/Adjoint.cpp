// Reverse mode.
#include "compiler/derive/Adjoint.h"

#include "compiler/derive/Rules.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <unordered_map>

using namespace jvpgen;

namespace {
/// (argument, what a term's cotangent contributes to it).
using Contributions = std::vector<std::pair<Term, Term>>;
} // namespace

static Contributions contributionsOf(Term t, Term cotangent, const llvm::SmallPtrSetImpl<Term> &active) {
  TermContext &context = *t->context;
  Contributions out;
  // y = sum x: dx = dy, broadcast
  if (t->is(TermKind::Sum)) out.push_back({t->args[0], cotangent});
  // y = lse(S): dS = P dy
  else if (t->is(TermKind::Lse))
    out.push_back({t->args[0], context.mul({cotangent, softmaxWeight(t)})});
  // y = f(x...): dx_k = f_k dy, summed over the indices that x_k lacks
  else
    for (auto [a, partial] : partialsOf(t))
      if (active.contains(a))
        out.push_back({a, context.sum(t->indices - a->indices, context.mul({cotangent, partial}))});
  return out;
}

std::vector<Term> jvpgen::adjointOf(const std::vector<std::pair<Term, Term>> &rootsAndCotangents,
                                    const std::vector<Term> &wanted) {
  std::vector<Term> roots;
  std::unordered_map<Term, std::vector<Summand>> incoming;
  for (auto [root, cotangent] : rootsAndCotangents) {
    if (!incoming.contains(root)) roots.push_back(root);
    incoming[root].push_back({cotangent, Rational(1)});
  }
  std::vector<Term> order = topologicalOrder(roots);
  llvm::SmallPtrSet<Term, 32> active;
  for (Term t : order)
    if (llvm::is_contained(wanted, t) || llvm::any_of(t->args, [&](Term a) { return active.contains(a); }))
      active.insert(t);
  std::unordered_map<Term, Term> gradients;
  for (Term t : llvm::reverse(order)) {
    auto found = incoming.find(t);
    if (!active.contains(t) || found == incoming.end()) continue;
    Term gradient = gradients[t] = t->context->lin(std::move(found->second));
    if (gradient->isZero()) continue;
    for (auto [a, c] : contributionsOf(t, gradient, active))
      if (active.contains(a) && !c->isZero()) incoming[a].push_back({c, Rational(1)});
  }
  std::vector<Term> out;
  for (Term w : wanted) out.push_back(gradients.contains(w) ? gradients.at(w) : w->context->zero());
  return out;
}
