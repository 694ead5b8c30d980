// Common partial products, greedily.
#include "compiler/plan/SharedProducts.h"
#include "compiler/plan/Separate.h"

#include "llvm/ADT/STLExtras.h"

using namespace jvpgen;

using Factors = std::vector<Term>;
using Pair = std::pair<Term, Term>;

/// The distinct pairs of factors of a product, each with the smaller id first.
static std::vector<Pair> pairsOf(const Factors &factors) {
  auto less = [](const Pair &a, const Pair &b) {
    return std::pair(a.first->id, a.second->id) < std::pair(b.first->id, b.second->id);
  };
  std::set<Pair, decltype(less)> out(less);
  for (size_t a = 0; a < factors.size(); ++a)
    for (size_t b = a + 1; b < factors.size(); ++b)
      out.insert(factors[a]->id <= factors[b]->id ? Pair(factors[a], factors[b]) : Pair(factors[b], factors[a]));
  return {out.begin(), out.end()};
}

/// The pair that most products contain; nothing if none is in two of them.
static std::optional<Pair> mostFrequent(const std::map<Term, Factors, ById> &products) {
  std::map<std::pair<unsigned, unsigned>, std::pair<unsigned, Pair>> counts;
  for (auto &[t, factors] : products)
    for (const Pair &p : pairsOf(factors)) {
      auto &[count, pair] = counts[{p.first->id, p.second->id}];
      ++count, pair = p;
    }
  std::optional<Pair> best;
  unsigned most = 1;
  for (auto &[ids, entry] : counts)
    if (entry.first > most) most = entry.first, best = entry.second;
  return best;
}

static bool isPair(const Factors &factors, const Pair &p) {
  return factors.size() == 2 && std::minmax(factors[0]->id, factors[1]->id) == std::minmax(p.first->id, p.second->id);
}

std::vector<Term> jvpgen::shareProducts(const std::vector<Term> &tiles) {
  std::map<Term, Factors, ById> products;
  for (Term t : topologicalOrder(tiles))
    if (t->is(TermKind::Mul) && t->isTile() && !t->indices.meets(kFeature)) products[t] = t->args;
  while (std::optional<Pair> pair = mostFrequent(products)) {
    TermNode n{.kind = TermKind::Mul, .args = {pair->first, pair->second}};
    Term shared = pair->first->context->raw(std::move(n));
    for (auto &[t, factors] : products) {
      if (isPair(factors, *pair)) {
        factors = {shared};
        continue;
      }
      auto first = llvm::find(factors, pair->first);
      if (first == factors.end()) continue;
      auto second = std::find(pair->first == pair->second ? first + 1 : factors.begin(), factors.end(), pair->second);
      if (second == factors.end()) continue;
      Factors rest;
      for (auto it = factors.begin(); it != factors.end(); ++it)
        if (it != first && it != second) rest.push_back(*it);
      rest.push_back(shared);
      factors = std::move(rest);
    }
  }
  std::map<Term, Term, ById> forms;
  std::function<Term(Term)> form = [&](Term t) -> Term {
    if (!t->isTile() || isContraction(t)) return t;
    auto known = forms.find(t);
    if (known != forms.end()) return known->second;
    auto product = products.find(t);
    const Factors &from = product == products.end() || product->second.size() == 1 ? t->args : product->second;
    Factors args;
    for (Term a : from) args.push_back(form(a));
    return forms[t] = plainRemake(t, args);
  };
  std::vector<Term> out;
  for (Term t : tiles) out.push_back(form(t));
  return out;
}
