// Levels, closures, and the opening and rebuilding of terms.
#include "compiler/derive/Structure.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <algorithm>
#include <optional>
#include <unordered_map>

using namespace jvpgen;

bool jvpgen::streams(Term t) {
  return t->is(TermKind::Lse) || (t->is(TermKind::Sum) && t->over.meets(kStreamed) && t->args[0]->isTile());
}

bool jvpgen::isContraction(Term t) {
  return t->is(TermKind::Sum) && t->args[0]->isTile() && t->args[0]->indices.meets(kFeature);
}

bool jvpgen::isTileSum(Term t) {
  return t->is(TermKind::Sum) && t->args[0]->isTile() && (t->over.empty() || !kFeature.contains(t->over));
}

static int greatestLevel(const std::vector<Term> &terms) {
  int out = 0;
  for (Term t : terms) out = std::max(out, level(t));
  return out;
}

/// The tile summands and the row summands of an exponent.
static std::pair<std::vector<Term>, std::vector<Term>> splitExponent(Term x) {
  std::pair<std::vector<Term>, std::vector<Term>> out;
  for (const auto &[m, c] : termsOf(x)) (m->indices.has('j') ? out.first : out.second).push_back(m);
  return out;
}

/// The degree in weights exp(S - r) whose row term r is late; nothing if the terms of a sum differ in it.
static std::optional<int> weightDegree(Term t) {
  switch (t->kind) {
  case TermKind::Mexp: return greatestLevel(splitExponent(t->args[0]).second) > 0;
  case TermKind::Mul: {
    int sum = 0;
    for (Term a : t->args) {
      std::optional<int> d = weightDegree(a);
      if (!d) return std::nullopt;
      sum += *d;
    }
    return sum;
  }
  case TermKind::Lin: {
    std::optional<int> common;
    if (t->constant != Rational(0)) common = 0;
    for (Term a : t->args) {
      std::optional<int> d = weightDegree(a);
      if (!d || (common && *common != *d)) return std::nullopt;
      common = d;
    }
    return common;
  }
  default: return 0;
  }
}

static int deferredLevel(Term t) {
  if (t->is(TermKind::Mexp)) return greatestLevel(splitExponent(t->args[0]).first);
  if (!t->is(TermKind::Mul) && !t->is(TermKind::Lin)) return level(t);
  int out = 0;
  for (Term a : t->args) out = std::max(out, deferredLevel(a));
  return out;
}

// exp(S - r) = exp(S - m) exp(m - r): a late row factor of a weight leaves the sum over j, if the body is homogeneous
// in the weights (the online rescale).
static int bodyLevel(Term sum) {
  Term body = sum->args[0];
  return !sum->over.has('i') && weightDegree(body) ? deferredLevel(body) : level(body);
}

int jvpgen::level(Term t) {
  if (t->level < 0)
    t->level = t->is(TermKind::Lse) ? 1 + level(t->args[0]) : streams(t) ? 1 + bodyLevel(t) : greatestLevel(t->args);
  return t->level;
}

TermSet jvpgen::closure(const std::vector<Term> &roots) {
  TermSet out;
  llvm::SmallPtrSet<Term, 32> seen;
  std::vector<Term> stack = roots;
  while (!stack.empty()) {
    Term t = stack.back();
    stack.pop_back();
    if (streams(t) || !seen.insert(t).second) continue;
    if (isContraction(t)) out.insert(t);
    stack.insert(stack.end(), t->args.begin(), t->args.end());
  }
  return out;
}

static std::vector<Summand> termsOfProduct(Term t, const std::function<bool(Term)> &opens) {
  std::vector<std::vector<Summand>> opened;
  for (Term f : t->args) opened.push_back(termsOf(f, opens));
  auto closed = [](const auto &pair) {
    return std::get<1>(pair).size() == 1 && std::get<1>(pair)[0].first == std::get<0>(pair);
  };
  if (llvm::all_of(llvm::zip(t->args, opened), closed)) return {{t, Rational(1)}};
  std::vector<std::pair<std::vector<Term>, Rational>> products = {{{}, Rational(1)}};
  for (const std::vector<Summand> &parts : opened) {
    std::vector<std::pair<std::vector<Term>, Rational>> next;
    for (const auto &[factors, c] : products)
      for (const auto &[m, k] : parts) {
        next.push_back({factors, c * k});
        next.back().first.push_back(m);
      }
    products = std::move(next);
  }
  std::vector<Summand> out;
  for (const auto &[factors, c] : products) out.push_back({t->context->mul(factors), c});
  return out;
}

static std::vector<Summand> termsOfSum(Term t, const std::function<bool(Term)> &opens) {
  std::vector<Summand> body = termsOf(t->args[0], opens), out;
  if (body.size() == 1 && body[0].first == t->args[0]) return {{t, body[0].second}};
  if (body.size() == 1) return {{t->context->sum(t->over, body[0].first), body[0].second}};
  for (const auto &[x, c] : body)
    for (const auto &[m, k] : termsOf(t->context->sum(t->over, x), opens)) out.push_back({m, c * k});
  return out;
}

std::vector<Summand> jvpgen::termsOf(Term t, const std::function<bool(Term)> &opens) {
  switch (t->kind) {
  case TermKind::Lin: {
    if (isLetter(t) || (t->args.size() > 1 && opens && !opens(t))) return {{t, Rational(1)}};
    std::vector<Summand> out;
    for (auto [a, c] : llvm::zip(t->args, t->coefficients))
      for (const auto &[m, k] : termsOf(a, opens)) out.push_back({m, c * k});
    if (t->constant != Rational(0)) out.push_back({t->context->one(), t->constant});
    return out;
  }
  case TermKind::Constant: return {{t->context->one(), t->constant}};
  case TermKind::Mul: return termsOfProduct(t, opens);
  case TermKind::Sum: return termsOfSum(t, opens);
  default: return {{t, Rational(1)}};
  }
}

std::vector<Summand> jvpgen::mergedTermsOf(Term t) { return termsOf(t->context->lin(termsOf(t))); }

double jvpgen::countTerms(Term root) {
  std::unordered_map<Term, double> count;
  for (Term t : topologicalOrder({root})) {
    double &n = count[t] = 1;
    if (t->is(TermKind::Mul)) {
      for (Term a : t->args) n *= count.at(a);
    } else if (t->is(TermKind::Sum)) {
      n = count.at(t->args[0]);
    } else if (t->is(TermKind::Lin) && !isLetter(t)) {
      n = t->constant != Rational(0);
      for (Term a : t->args) n += count.at(a);
    }
  }
  return count.at(root);
}

std::vector<Summand> jvpgen::summandsOf(Term t) {
  if (!t->is(TermKind::Lin) || t->constant != Rational(0)) return {{t, Rational(1)}};
  std::vector<Summand> out;
  for (auto [x, c] : llvm::zip(t->args, t->coefficients)) {
    if (x->args.size() != 1) {
      out.push_back({x, c});
      continue;
    }
    for (const auto &[a, k] : summandsOf(x)) out.push_back({a, c * k});
  }
  return out;
}

Term jvpgen::tileOf(Term sum) {
  std::vector<Term> fs = factorsOf(sum->args[0]);
  llvm::erase_if(fs, [](Term f) { return f->indices.meets(kFeature); });
  return sum->context->mul(fs);
}

std::vector<Term> jvpgen::featureFactorsOf(Term sum) {
  std::vector<Term> fs = factorsOf(sum->args[0]);
  llvm::erase_if(fs, [](Term f) { return !f->indices.meets(kFeature); });
  return fs;
}

std::vector<Term> jvpgen::rebuild(const std::vector<Term> &roots, const std::function<Term(Term)> &hook) {
  std::unordered_map<Term, Term> rebuilt;
  for (Term t : topologicalOrder(roots)) {
    std::vector<Term> args;
    for (Term a : t->args) args.push_back(rebuilt.at(a));
    rebuilt[t] = hook(t->context->remake(t, args));
  }
  std::vector<Term> out;
  for (Term r : roots) out.push_back(rebuilt.at(r));
  return out;
}

Term jvpgen::substitute(Term t, Term from, Term to) {
  return rebuild({t}, [&](Term x) { return x == from ? to : x; })[0];
}
