// Horner's scheme for tile polynomials.
#include "compiler/derive/Factor.h"

#include "llvm/ADT/STLExtras.h"
#include <map>

using namespace jvpgen;

static std::vector<Term> distinct(const std::vector<Term> &factors) {
  std::vector<Term> out;
  for (Term f : factors)
    if (!llvm::is_contained(out, f)) out.push_back(f);
  return out;
}

static std::vector<Term> without(std::vector<Term> factors, Term f) {
  factors.erase(llvm::find(factors, f));
  return factors;
}

// a f + b f + c = (a + b) f + c for a lin f that several terms share
static Term joinEqualCofactors(Term t) {
  if (!t->is(TermKind::Lin)) return t;
  std::vector<std::pair<Term, std::vector<Term>>> users;
  for (Term a : t->args)
    for (Term f : distinct(factorsOf(a))) {
      if (!f->is(TermKind::Lin)) continue;
      auto it = llvm::find_if(users, [&](const auto &u) { return u.first == f; });
      if (it == users.end()) it = users.insert(users.end(), {f, {}});
      it->second.push_back(a);
    }
  for (const auto &[f, holders] : users) {
    if (holders.size() < 2) continue;
    std::vector<Summand> inner, rest;
    for (auto [a, c] : llvm::zip(t->args, t->coefficients)) {
      if (llvm::is_contained(holders, a))
        inner.push_back({t->context->mul(without(factorsOf(a), f)), c});
      else
        rest.push_back({a, c});
    }
    rest.push_back({t->context->mul({f, t->context->lin(std::move(inner))}), Rational(1)});
    return joinEqualCofactors(t->context->lin(std::move(rest), t->constant));
  }
  return t;
}

static Term factorMonomials(TermContext &context, const std::vector<Monomial> &poly) {
  std::map<Term, int, ById> count;
  for (const auto &[m, c] : poly)
    for (Term f : distinct(m)) ++count[f];
  Term most = nullptr;
  for (auto [f, n] : count)
    if (!most || n > count[most]) most = f;
  if (!most || count[most] < 2) {
    std::vector<Summand> terms;
    for (const auto &[m, c] : poly) terms.push_back({context.mul(m), c});
    return context.lin(std::move(terms));
  }
  std::vector<Monomial> inside, rest;
  for (const auto &[m, c] : poly) {
    if (llvm::is_contained(m, most))
      inside.push_back({without(m, most), c});
    else
      rest.push_back({m, c});
  }
  Term product = context.mul({most, factorMonomials(context, inside)});
  return joinEqualCofactors(context.add(product, factorMonomials(context, rest)));
}

Term jvpgen::horner(Term tile, const std::vector<Centre> &centres) {
  return factorMonomials(*tile->context, openAround(tile, centres));
}
