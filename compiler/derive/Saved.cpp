// Saved equations: how they are learned, and how they rewrite.
#include "compiler/derive/Saved.h"

#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <tuple>

using namespace jvpgen;

static Rational inverse(const Rational &c) { return Rational(1) / c; }

/// Removes each of `taken` once; false if one is missing.
static bool takeAway(std::vector<Term> &factors, const std::vector<Term> &taken) {
  for (Term t : taken) {
    auto it = llvm::find(factors, t);
    if (it == factors.end()) return false;
    factors.erase(it);
  }
  return true;
}

SavedEquations::SavedEquations(const Program &forward, const std::vector<std::string> &names) {
  for (const std::string &name : names)
    if (Term t = forward.output(name); t && !t->isZero()) learn(name, t);
}

void SavedEquations::learn(const std::string &name, Term output) {
  Term definition = apply({output})[0];
  TermContext &context = *definition->context;
  Term value = context.input(name, definition->indices, InputKind::Saved);
  // sum_j exp(S - lse) = 1, but 0 in a row without keys
  if (definition->is(TermKind::Lse)) {
    saved[definition] = value;
    Term one =
        context.sum(definition->over, context.mexp(context.subtract(definition->args[0], value), definition->name));
    leads[one] = {{}, context.apply("nonempty", {value})};
    known.insert(one);
    return;
  }
  vanishing.insert(value);
  // value = k lead cofactors + rest, so lead cofactors = value / k - rest / k; the lead has most tile factors
  std::vector<Summand> terms = mergedTermsOf(definition);
  std::tuple<int, int, int> best{-1, 0, 0};
  Term lead = nullptr;
  size_t leading = 0;
  for (size_t k = 0; k < terms.size(); ++k) {
    std::vector<Term> fs = factorsOf(terms[k].first);
    bool single = llvm::count_if(fs, streams) == 1;
    for (Term f : fs) {
      if (!streams(f)) continue;
      known.insert(f);
      std::tuple<int, int, int> size{int(factorsOf(f->args[0]).size()), -int(fs.size()), int(f->id)};
      if (single && best < size) best = size, lead = f, leading = k;
    }
  }
  if (!lead) return; // no streamed value: nothing to learn
  auto [monomial, k] = terms[leading];
  Equation equation{factorsOf(monomial), nullptr};
  takeAway(equation.cofactors, {lead});
  std::vector<Summand> rest = {{value, inverse(k)}};
  for (size_t n = 0; n < terms.size(); ++n)
    if (n != leading) rest.push_back({terms[n].first, -terms[n].second * inverse(k)});
  equation.replacement = context.lin(std::move(rest));
  leads[lead] = std::move(equation);
}

std::vector<Term> SavedEquations::apply(const std::vector<Term> &roots) const {
  return rebuild(roots, [&](Term t) {
    if (auto it = saved.find(t); it != saved.end()) return it->second;
    bool ring = t->is(TermKind::Sum) || t->is(TermKind::Lin) || t->is(TermKind::Mul);
    if (!ring || t->isTile() || level(t) == 0) return t;
    Term reduced = reduce(t);
    return level(reduced) < level(t) ? reduced : t;
  });
}

Term SavedEquations::reduce(Term t) const {
  TermContext &context = *t->context;
  constexpr int enough = 12; // each round uses up a lead or a rotation; programs seen need at most 5
  for (int round = 0; round < enough; ++round) {
    std::vector<Summand> terms;
    for (const auto &[m, c] : termsOf(t)) {
      std::vector<Term> turned;
      for (Term f : factorsOf(m)) turned.push_back(rotate(f));
      terms.push_back({rewrite(factorsOf(context.mul(turned))), c});
    }
    Term next = context.lin(std::move(terms));
    if (next == t) break;
    t = next;
  }
  return t;
}

/// Replaces one lead, together with the row factors that its equation has beside it.
Term SavedEquations::rewrite(std::vector<Term> fs) const {
  TermContext &context = *fs.front()->context;
  // a weighted sum is 0 in an empty row: nonempty * value = value
  if (llvm::any_of(fs, [&](Term f) { return vanishing.contains(f); }))
    llvm::erase_if(fs, [](Term f) { return f->is(TermKind::Apply) && f->name == "nonempty"; });
  for (Term f : fs) {
    auto it = leads.find(f);
    if (it == leads.end()) continue;
    std::vector<Term> rest = fs;
    if (!takeAway(rest, {f}) || !takeAway(rest, it->second.cofactors)) continue;
    rest.push_back(it->second.replacement);
    return context.mul(rest);
  }
  // below a contraction of row vectors, row factors go inside: x sum_e y = sum_e x y
  for (size_t k = 0; k < fs.size(); ++k) {
    Term f = fs[k];
    if (!f->is(TermKind::Sum) || streams(f)) continue;
    std::vector<Term> body = factorsOf(f->args[0]), outside;
    for (size_t n = 0; n < fs.size(); ++n)
      if (n != k) (fs[n]->indices.meets(f->over) ? outside : body).push_back(fs[n]);
    Term next = rewrite(body);
    if (next == context.mul(body)) continue;
    outside.push_back(context.sum(f->over, next));
    return context.mul(outside);
  }
  return context.mul(fs);
}

/// sum_j X_j sum_e Y_e Z_je = sum_e Y_e sum_j X_j Z_je, only towards sums that a saved equation speaks of.
Term SavedEquations::rotate(Term f) const {
  TermContext &context = *f->context;
  if (!f->is(TermKind::Sum) || leads.contains(f)) return f;
  if (!streams(f)) {
    std::vector<Summand> terms;
    for (const auto &[m, c] : termsOf(f->args[0])) {
      std::vector<Term> turned;
      for (Term x : factorsOf(m)) turned.push_back(rotate(x));
      terms.push_back({context.mul(turned), c});
    }
    return context.sum(f->over, context.lin(std::move(terms)));
  }
  std::vector<Term> fs = factorsOf(f->args[0]);
  for (size_t k = 0; k < fs.size(); ++k) {
    Term inner = fs[k];
    if (!inner->is(TermKind::Sum) || inner->over.meets(kStreamed)) continue;
    std::vector<Term> free, bound = fs;
    bound.erase(bound.begin() + long(k));
    for (Term x : factorsOf(inner->args[0])) (x->indices.meets(f->over) ? bound : free).push_back(x);
    if (free.empty()) continue;
    Term turned = context.sum(f->over, context.mul(bound));
    std::vector<Term> sums = factorsOf(turned);
    llvm::erase_if(sums, [](Term x) { return !streams(x); });
    if (sums.empty() || !llvm::all_of(sums, [&](Term x) { return known.contains(x); })) continue;
    free.push_back(turned);
    return context.sum(inner->over, context.mul(free));
  }
  return f;
}
