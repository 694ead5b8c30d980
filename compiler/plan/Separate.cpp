// Row and column parts of tile expressions.
#include "compiler/plan/Separate.h"

#include "llvm/ADT/STLExtras.h"
#include <map>

using namespace jvpgen;

static bool isScale(Term t) { return t->is(TermKind::Lin) && t->args.size() == 1 && t->constant == Rational(0); }

Summand jvpgen::withoutScale(Term t) {
  Rational c(1);
  while (isScale(t)) c *= t->coefficients[0], t = t->args[0];
  return {t, c};
}

/// The order in which a sum is cheapest to compute term by term: row and column values (hoisted), tiles that need no
/// product, others.
static int orderInLin(const Summand &s) {
  return !s.first->isTile() ? 0 : mlir::presburger::abs(s.second) == Rational(1) ? 1 : 2;
}

Term jvpgen::plainLin(TermContext &terms, std::vector<Summand> summands, const Rational &constant) {
  std::map<Term, Rational, ById> merged;
  for (auto &[t, c] : summands) {
    auto [it, isNew] = merged.try_emplace(t, c);
    if (!isNew) it->second += c;
  }
  std::vector<Summand> ordered;
  for (auto &[t, c] : merged)
    if (c != Rational(0)) ordered.push_back({t, mlir::presburger::reduce(c)});
  llvm::stable_sort(ordered, [](const Summand &a, const Summand &b) { return orderInLin(a) < orderInLin(b); });
  if (ordered.empty()) return terms.constant(constant);
  if (ordered.size() == 1 && ordered[0].second == Rational(1) && constant == Rational(0)) return ordered[0].first;
  TermNode n{.kind = TermKind::Lin};
  for (auto &[t, c] : ordered) n.args.push_back(t), n.coefficients.push_back(c);
  n.constant = mlir::presburger::reduce(constant);
  return terms.raw(std::move(n));
}

Term jvpgen::scaledLin(Term t, const Rational &c) {
  if (!t->is(TermKind::Lin)) return plainLin(*t->context, {{t, c}});
  std::vector<Summand> summands;
  for (auto [a, k] : llvm::zip(t->args, t->coefficients)) summands.push_back({a, k * c});
  return plainLin(*t->context, std::move(summands), t->constant * c);
}

Term jvpgen::plainRemake(Term t, const std::vector<Term> &args) {
  if (args == t->args) return t;
  if (t->is(TermKind::Lin)) {
    std::vector<Summand> summands;
    for (auto [a, c] : llvm::zip(args, t->coefficients)) summands.push_back({a, c});
    return plainLin(*t->context, std::move(summands), t->constant);
  }
  TermNode n{.kind = t->kind, .name = t->name, .args = args};
  n.over = t->over;
  if (t->is(TermKind::Mul)) llvm::sort(n.args, ById());
  return t->context->raw(std::move(n));
}

Term jvpgen::withoutNestedScales(Term t) {
  std::vector<Term> args;
  for (Term a : t->args) args.push_back(withoutNestedScales(a));
  if (!t->is(TermKind::Lin)) return plainRemake(t, args);
  if (isScale(t)) return scaledLin(args[0], t->coefficients[0]);
  std::vector<Summand> summands;
  for (auto [a, c] : llvm::zip(args, t->coefficients)) {
    auto [body, k] = withoutScale(a);
    summands.push_back({body, c * k});
  }
  return plainLin(*t->context, std::move(summands), t->constant);
}

// ---- products of row and column parts ------------------------------------------------------------------------------

/// A tile that is made of row, column and constant values by sums and products alone.
static bool isSeparable(Term t) {
  if (!t->isTile()) return true;
  return (t->is(TermKind::Lin) || t->is(TermKind::Mul)) && llvm::all_of(t->args, isSeparable);
}

/// The polynomial of a separable tile in its row, column and constant values; letters are opened too.
static std::vector<std::pair<std::vector<Term>, Rational>> separableMonomials(Term t) {
  if (!t->isTile()) return {{{t}, Rational(1)}};
  std::vector<std::pair<std::vector<Term>, Rational>> out;
  if (t->is(TermKind::Lin)) {
    for (auto [a, c] : llvm::zip(t->args, t->coefficients))
      for (auto &[factors, k] : separableMonomials(a)) out.push_back({factors, k * c});
    if (t->constant != Rational(0)) out.push_back({{}, t->constant});
    return out;
  }
  out = {{{}, Rational(1)}};
  for (Term f : t->args) {
    std::vector<std::pair<std::vector<Term>, Rational>> next;
    for (auto &[left, c] : out)
      for (auto &[right, k] : separableMonomials(f)) {
        next.push_back({left, c * k});
        next.back().first.insert(next.back().first.end(), right.begin(), right.end());
      }
    out = std::move(next);
  }
  return out;
}

/// slope * (j - i) = slope * j - slope * i: the pieces, if none of them is a tile.
static std::optional<std::vector<Summand>> separated(Term t) {
  if (!t->isTile() || !isSeparable(t)) return std::nullopt;
  std::vector<Summand> out;
  for (auto &[factors, c] : separableMonomials(t)) {
    Term product = t->context->mul(factors);
    if (product->isTile()) return std::nullopt;
    out.push_back({product, c});
  }
  return out;
}

static void appendSummands(Term t, const Rational &c, const std::function<bool(Term)> &opens, std::vector<Summand> &out,
                           Rational &constant) {
  auto [body, scale] = withoutScale(t);
  Rational k = c * scale;
  if (body->is(TermKind::Constant)) {
    constant += k * body->constant;
  } else if (std::optional<std::vector<Summand>> pieces = separated(body)) {
    for (auto &[piece, p] : *pieces) {
      if (piece->is(TermKind::Constant))
        constant += k * p * piece->constant;
      else
        out.push_back({piece, k * p});
    }
  } else if (body->is(TermKind::Lin) && opens(body)) {
    constant += k * body->constant;
    for (auto [a, p] : llvm::zip(body->args, body->coefficients)) appendSummands(a, k * p, opens, out, constant);
  } else {
    out.push_back({body, k});
  }
}

std::vector<Summand> jvpgen::separatedSummands(Term t, Rational &constant) {
  std::vector<Summand> out;
  appendSummands(t, Rational(1), [](Term) { return true; }, out, constant);
  return out;
}

// ---- statistics ----------------------------------------------------------------------------------------------------

static bool anyBelow(Term t, const std::function<bool(Term)> &predicate) {
  return llvm::any_of(topologicalOrder({t}), predicate);
}

Term Statistics::shared(Term value, Axis axis) {
  if (value->args.empty() || isScale(value)) return value;
  if (anyBelow(value, [](Term t) { return t->is(TermKind::Input) && t->inputKind == InputKind::Plan; })) return value;
  bool sumsFeatures = anyBelow(value, [](Term t) { return t->is(TermKind::Sum); });
  bool readsRows = anyBelow(value, [](Term t) { return t->is(TermKind::Input) && t->indices.meets(kStreamed); });
  bool isStreamed = value->indices.has(axis == Axis::Row ? 'j' : 'i');
  if (!sumsFeatures && !(readsRows && isStreamed)) return value;
  auto [it, isNew] = symbols.try_emplace(value, nullptr);
  if (!isNew) return it->second;
  std::string name = "stat" + std::to_string(statistics.size());
  statistics.push_back({name, value});
  return it->second = value->context->input(name, value->indices, InputKind::Plan);
}

// ---- tiles ---------------------------------------------------------------------------------------------------------

namespace {
class TileForm {
public:
  TileForm(const std::vector<Term> &tiles, Axis axis, Statistics &statistics) : axis(axis), statistics(statistics) {
    for (Term t : tiles) ++uses[withoutScale(t).first], countUses(withoutScale(t).first);
  }

  Term of(Term t) {
    if (!t->isTile()) return statistics.shared(t, axis);
    auto [it, isNew] = done.try_emplace(t, nullptr);
    if (isNew) done[t] = make(t);
    return done[t];
  }

private:
  void countUses(Term t) {
    if (!t->isTile() || isContraction(t) || !visited.insert(t).second) return;
    for (Term a : t->args) {
      Term body = withoutScale(a).first;
      ++uses[body];
      countUses(body);
    }
  }

  Term make(Term t) {
    if (t->args.empty() || isContraction(t)) return t;
    if (t->is(TermKind::Lin)) return lin(t);
    if (t->is(TermKind::Mul)) return product(t);
    std::vector<Term> args;
    for (Term a : t->args) args.push_back(of(a));
    return plainRemake(t, args);
  }

  /// tiles + one row value + one column value, each with its coefficient.
  Term lin(Term t) {
    TermContext &terms = *t->context;
    Rational constant(0);
    std::vector<Summand> summands, out, parts[3];
    appendSummands(t, Rational(1), [&](Term l) { return l == t || (l->isTile() && uses[l] == 1); }, summands, constant);
    for (auto &[s, c] : summands) {
      if (s->isTile())
        out.push_back({of(s), c});
      else
        parts[s->indices.has('i') ? 0 : s->indices.has('j') ? 1 : 2].push_back({s, c});
    }
    for (unsigned k : {0, 1}) // what has neither i nor j goes with the rows, else with the columns
      if (!parts[k].empty()) llvm::append_range(parts[k], parts[2]), parts[2].clear();
    for (std::vector<Summand> &part : parts) {
      if (part.empty()) continue;
      Rational rest(0);
      if (!out.empty()) std::swap(rest, constant); // hoisted with the row value
      auto [body, c] = withoutScale(terms.lin(part, rest));
      if (body->is(TermKind::Constant))
        constant += c * body->constant;
      else
        out.push_back({statistics.shared(body, axis), c});
    }
    return plainLin(terms, std::move(out), constant);
  }

  /// tiles * one row value * one column value.
  Term product(Term t) {
    TermContext &terms = *t->context;
    std::vector<Term> out, parts[3];
    for (Term f : t->args) {
      if (f->isTile())
        out.push_back(of(f));
      else
        parts[f->indices.has('i') ? 0 : f->indices.has('j') ? 1 : 2].push_back(f);
    }
    for (unsigned k : {0, 1})
      if (!parts[k].empty()) llvm::append_range(parts[k], parts[2]), parts[2].clear();
    for (std::vector<Term> &part : parts)
      if (!part.empty()) out.push_back(statistics.shared(terms.mul(part), axis));
    llvm::sort(out, ById());
    return out.size() == 1 ? out[0] : terms.raw({.kind = TermKind::Mul, .args = out});
  }

  Axis axis;
  Statistics &statistics;
  std::map<Term, unsigned, ById> uses;
  TermSet visited;
  std::map<Term, Term, ById> done;
};
} // namespace

std::vector<Term> jvpgen::separateTiles(const std::vector<Term> &tiles, Axis axis, Statistics &statistics) {
  TileForm form(tiles, axis, statistics);
  std::vector<Term> out;
  for (Term t : tiles) out.push_back(form.of(t));
  return out;
}
