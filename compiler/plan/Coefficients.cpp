// Scales of tiles and accumulators.
#include "compiler/plan/Coefficients.h"
#include "compiler/plan/Accumulate.h"
#include "compiler/plan/Separate.h"

#include "llvm/ADT/STLExtras.h"

using namespace jvpgen;

namespace {
class Folding {
public:
  Folding(Sweep &sweep) : sweep(sweep) {
    for (Role &role : sweep.roles) {
      std::vector<Term> roots;
      for (Contribution &c : role.contributions) entries.push_back(&c), roots.push_back(c.tile);
      for (auto &[symbol, tile] : role.exports) roots.push_back(tile), pinned.insert(tile);
      if (role.maximum) roots.push_back(role.maximum->operand);
      for (RowShift &s : role.shifts) roots.push_back(s.tile);
      TermSet distinct(roots.begin(), roots.end());
      for (Term t : distinct) ++uses[t];
      for (Term t : topologicalOrder(roots))
        for (Term a : t->args) ++uses[a];
    }
  }

  void run(std::vector<NamedTerm> &posts) {
    for (const Accumulator &a : sweep.accumulators)
      if (!a.output.empty()) scaleAccumulator(a.symbol, Rational(1));
    for (Contribution *c : entries)
      if (!canScale(c->tile)) scaleTile(c->tile, Rational(1));
    for (Contribution *c : entries) scaleTile(c->tile, Rational(1));
    for (Contribution *c : entries) apply(*c);
    std::map<Term, Term> scaled;
    for (auto &[symbol, k] : accumulators) scaled[symbol] = symbol->context->scale(k, symbol);
    for (std::vector<NamedTerm> *list : {&sweep.epilogues, &posts})
      for (auto &[name, t] : *list) t = replaceTerms(t, scaled);
  }

private:
  /// The factor of a product that can take a scale: a lin that nothing else uses.
  Term scalableFactor(Term tile) {
    for (Term f : tile->args)
      if (f->is(TermKind::Lin) && f->isTile() && uses[f] == 1) return f;
    return nullptr;
  }

  bool canScale(Term tile) {
    if (pinned.count(tile) || uses[tile] != 1) return false;
    return tile->is(TermKind::Lin) || (tile->is(TermKind::Mul) && scalableFactor(tile));
  }

  void scaleTile(Term tile, const Rational &by) {
    if (!tiles.try_emplace(tile, by).second) return;
    for (Contribution *c : entries)
      if (c->tile == tile) scaleAccumulator(c->accumulator, c->coefficient / by);
  }

  void scaleAccumulator(Term accumulator, const Rational &by) {
    if (!accumulators.try_emplace(accumulator, by).second) return;
    for (Contribution *c : entries)
      if (c->accumulator == accumulator && canScale(c->tile)) scaleTile(c->tile, c->coefficient / by);
  }

  void apply(Contribution &c) {
    Rational by = tiles.at(c.tile);
    c.coefficient = mlir::presburger::reduce(c.coefficient / by / accumulators.at(c.accumulator));
    if (by == Rational(1)) return;
    if (c.tile->is(TermKind::Lin)) {
      c.tile = scaledLin(c.tile, by);
      return;
    }
    std::vector<Term> factors = c.tile->args;
    Term scaled = scalableFactor(c.tile);
    *llvm::find(factors, scaled) = scaledLin(scaled, by);
    c.tile = plainRemake(c.tile, factors);
  }

  Sweep &sweep;
  std::vector<Contribution *> entries;
  TermSet pinned;
  std::map<Term, unsigned, ById> uses;
  std::map<Term, Rational, ById> tiles, accumulators; ///< value = scale * what is computed
};
} // namespace

void jvpgen::foldCoefficients(Sweep &sweep, std::vector<NamedTerm> &posts) { Folding(sweep).run(posts); }
