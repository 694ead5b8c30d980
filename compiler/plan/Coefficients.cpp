// Scales of tiles and accumulators.
#include "compiler/plan/Coefficients.h"
#include "compiler/plan/Accumulate.h"
#include "compiler/plan/Separate.h"

#include "llvm/ADT/STLExtras.h"

using namespace jvpgen;

static const Rational kOne(1);

namespace {
/// Every value of a role is scale * what is computed; only lins have scales of their own to choose.
class Scales {
public:
  /// Of accumulators, by symbol; common to all roles.
  std::map<Term, Rational, ById> accumulators;

  void solve(Role &role) {
    fixed.clear();
    if (role.maximum) fix(role.maximum->operand);
    for (RowShift &s : role.shifts) fix(s.tile);
    for (Contribution &c : role.contributions) fixBelow(c.tile);
    for (auto &[symbol, tile] : role.exports) fixBelow(tile);
    while (propagate(role.contributions) || guess(role)) {
    }
    for (Contribution &c : role.contributions) {
      c.coefficient = mlir::presburger::reduce(c.coefficient * *scaleOf(c.tile) / accumulators.at(c.accumulator));
      c.tile = form(c.tile);
    }
    for (auto &[symbol, tile] : role.exports) {
      scales[symbol] = *scaleOf(tile);
      tile = form(tile);
    }
    // fixed, and below some contribution: the same nodes as there, so that they are computed once
    if (role.maximum) role.maximum->operand = form(role.maximum->operand);
    for (RowShift &s : role.shifts) s.tile = form(s.tile);
  }

private:
  /// The value is needed as it is: it is compared, averaged, or the argument of a function.
  void fix(Term t) {
    if (!t->isTile() || !fixed.insert(t).second) return;
    if (t->is(TermKind::Mul)) llvm::for_each(t->args, [&](Term a) { fix(a); });
    fixBelow(t);
  }

  void fixBelow(Term t) {
    if (!t->isTile() || isContraction(t)) return;
    bool isFunction = t->is(TermKind::Apply) || t->is(TermKind::Mexp);
    for (Term a : t->args) isFunction ? fix(a) : fixBelow(a);
  }

  bool isFree(Term t) const { return t->is(TermKind::Lin) && t->isTile() && !fixed.count(t); }

  /// The scale, if it is settled.
  std::optional<Rational> scaleOf(Term t) const {
    auto it = scales.find(t);
    if (it != scales.end()) return it->second;
    if (isFree(t)) return std::nullopt;
    Rational out = kOne;
    if (t->is(TermKind::Mul) && !fixed.count(t))
      for (Term a : t->args) {
        std::optional<Rational> s = scaleOf(a);
        if (!s) return std::nullopt;
        out *= *s;
      }
    return out;
  }

  /// Settles a scale that is open: one lin takes it, others that are open beside it get 1.
  void settle(Term t, const Rational &scale) {
    if (isFree(t)) {
      scales[t] = scale;
      return;
    }
    Rational rest = scale;
    Term taker = nullptr;
    for (Term a : t->args) {
      std::optional<Rational> s = scaleOf(a);
      if (!s && taker)
        settle(a, kOne);
      else if (!s)
        taker = a;
      else
        rest /= *s;
    }
    settle(taker, rest);
  }

  bool propagate(const std::vector<Contribution> &contributions) {
    bool changed = false;
    for (const Contribution &c : contributions) {
      std::optional<Rational> s = scaleOf(c.tile);
      auto acc = accumulators.find(c.accumulator);
      if (s && acc == accumulators.end()) accumulators[c.accumulator] = c.coefficient * *s, changed = true;
      if (!s && acc != accumulators.end()) settle(c.tile, acc->second / c.coefficient), changed = true;
    }
    return changed;
  }

  /// Where nothing follows from anything, a tile is taken as it is.
  bool guess(const Role &role) {
    std::vector<Term> tiles;
    for (const Contribution &c : role.contributions) tiles.push_back(c.tile);
    for (auto &[symbol, tile] : role.exports) tiles.push_back(tile);
    for (Term t : topologicalOrder(tiles)) // then what no tile has settled: lins inside lins
      if (isFree(t) && !scaleOf(t)) tiles.push_back(t);
    for (Term t : tiles) {
      if (scaleOf(t)) continue;
      settle(t, kOne);
      return true;
    }
    return false;
  }

  /// What is computed: the value divided by its scale.
  Term form(Term t) {
    if (!t->isTile() || isContraction(t)) return t;
    auto [it, isNew] = forms.try_emplace(t, nullptr);
    if (!isNew) return it->second;
    std::vector<Term> args;
    for (Term a : t->args) args.push_back(form(a));
    if (!t->is(TermKind::Lin)) return forms[t] = plainRemake(t, args);
    Rational own = scaleOf(t).value_or(kOne);
    std::vector<Summand> summands;
    for (size_t k = 0; k < args.size(); ++k) {
      Rational below = t->args[k]->isTile() && !isContraction(t->args[k]) ? *scaleOf(t->args[k]) : kOne;
      summands.push_back({args[k], t->coefficients[k] * below / own});
    }
    return forms[t] = plainLin(*t->context, std::move(summands), t->constant / own);
  }

  TermSet fixed;
  std::map<Term, Rational, ById> scales;
  std::map<Term, Term, ById> forms;
};
} // namespace

void jvpgen::foldCoefficients(Sweep &sweep, std::vector<NamedTerm> &posts) {
  Scales scales;
  for (const Accumulator &a : sweep.accumulators)
    if (!a.output.empty()) scales.accumulators[a.symbol] = kOne;
  for (Role &role : sweep.roles) scales.solve(role);
  std::map<Term, Term> scaled;
  for (auto &[symbol, k] : scales.accumulators) scaled[symbol] = symbol->context->scale(k, symbol);
  for (std::vector<NamedTerm> *list : {&sweep.epilogues, &posts})
    for (auto &[name, t] : *list) t = replaceTerms(t, scaled);
}
