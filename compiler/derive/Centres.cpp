// Centred differences: found in a program, and kept closed where a tile is opened.
#include "compiler/derive/Factor.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <map>

using namespace jvpgen;

/// Everything that stands in an exponent.
static llvm::SmallPtrSet<Term, 32> exponentTerms(const std::vector<Term> &all) {
  std::vector<Term> exponents;
  for (Term t : all)
    if (t->is(TermKind::Mexp)) exponents.push_back(t->args[0]);
  llvm::SmallPtrSet<Term, 32> out;
  for (Term t : topologicalOrder(exponents)) out.insert(t);
  return out;
}

std::vector<Centre> jvpgen::findCentres(const std::vector<Term> &outputs) {
  std::vector<Centre> out;
  std::vector<Term> all = topologicalOrder(outputs);
  llvm::SmallPtrSet<Term, 32> exponents = exponentTerms(all);
  for (Term t : all) {
    if (!t->is(TermKind::Lin) || !t->isTile() || t->cotangent || exponents.contains(t) || t->constant != Rational(0))
      continue;
    std::vector<Summand> tiles, rows;
    for (auto [a, c] : llvm::zip(t->args, t->coefficients)) (a->isTile() ? tiles : rows).push_back({a, c});
    auto isSaved = [](const Summand &s) {
      return s.first->is(TermKind::Input) && s.first->inputKind == InputKind::Saved;
    };
    if (tiles.size() == 1 && !rows.empty() && llvm::all_of(rows, isSaved))
      out.push_back({factorsOf(tiles[0].first), tiles[0].second, t, rows});
  }
  return out;
}

/// The monomial without the factors of x; nothing if it does not hold them all.
static std::optional<std::vector<Term>> divideBy(std::vector<Term> monomial, const std::vector<Term> &x) {
  for (Term f : x) {
    auto it = llvm::find(monomial, f);
    if (it == monomial.end()) return std::nullopt;
    monomial.erase(it);
  }
  return monomial;
}

// x = (difference - rows) / coefficient, until no monomial holds x
static std::vector<Monomial> substituteCentre(std::vector<Monomial> pending, const Centre &centre) {
  std::vector<Monomial> out;
  while (!pending.empty()) {
    auto [m, c] = std::move(pending.back());
    pending.pop_back();
    std::optional<std::vector<Term>> rest = divideBy(m, centre.factors);
    if (!rest) {
      out.push_back({std::move(m), c});
      continue;
    }
    auto with = [&](Term f, const Rational &k) {
      pending.push_back({*rest, k});
      pending.back().first.push_back(f);
    };
    with(centre.difference, c / centre.coefficient);
    for (const auto &[row, k] : centre.rows) with(row, -c * k / centre.coefficient);
  }
  return out;
}

std::vector<Monomial> jvpgen::openAround(Term tile, const std::vector<Centre> &centres) {
  std::vector<Monomial> poly;
  for (const auto &[m, c] : mergedTermsOf(tile)) poly.push_back({m->isOne() ? std::vector<Term>() : factorsOf(m), c});
  for (const Centre &centre : centres)
    if (tile->indices.contains(centre.difference->indices)) poly = substituteCentre(std::move(poly), centre);
  std::vector<Monomial> merged;
  std::map<std::vector<unsigned>, size_t> places;
  for (auto &[m, c] : poly) {
    llvm::sort(m, [](Term a, Term b) { return a->id < b->id; });
    std::vector<unsigned> key;
    for (Term f : m) key.push_back(f->id);
    auto [it, isNew] = places.try_emplace(key, merged.size());
    if (isNew)
      merged.push_back({m, c});
    else
      merged[it->second].second += c;
  }
  llvm::erase_if(merged, [](const Monomial &m) { return m.second == Rational(0); });
  return merged;
}
