// Every tile expression takes the cheapest of its forms.
#include "compiler/derive/Factor.h"

#include "compiler/derive/Cost.h"
#include "llvm/ADT/STLExtras.h"
#include <array>
#include <map>

using namespace jvpgen;

namespace {
/// What replaces a tile expression.
using Choice = std::map<Term, Term, ById>;
/// As derived; Horner; collected by cotangent.
using Forms = std::array<Term, 3>;
} // namespace

static bool sumsTile(Term t) { return t->is(TermKind::Sum) && !kFeature.contains(t->over) && t->args[0]->isTile(); }

static std::vector<Term> tileExpressions(const std::vector<Term> &outputs) {
  std::vector<Term> out;
  auto add = [&](Term t) {
    if ((t->is(TermKind::Mul) || t->is(TermKind::Lin)) && !llvm::is_contained(out, t)) out.push_back(t);
  };
  for (Term t : topologicalOrder(outputs))
    if (sumsTile(t)) add(tileOf(t));
  for (Term t : outputs)
    if (t->isTile() && !t->indices.meets(kFeature) && !t->is(TermKind::Sum)) add(t);
  return out;
}

static Program withChoice(const Program &program, const Choice &choice) {
  auto replace = [&](Term t) {
    auto it = choice.find(t);
    return it == choice.end() ? t : it->second;
  };
  std::vector<Term> roots = rebuild(program.roots(), [&](Term t) {
    if (!sumsTile(t)) return t;
    Term tile = tileOf(t), better = replace(tile);
    if (better == tile) return t;
    std::vector<Term> body = featureFactorsOf(t);
    body.push_back(better);
    return t->context->sum(t->over, t->context->mul(body));
  });
  for (Term &r : roots) r = replace(r);
  return program.withRoots(roots);
}

Program jvpgen::factorTiles(const Program &program) {
  std::vector<Term> outputs = program.roots();
  std::vector<Centre> centres = findCentres(outputs);
  std::map<Term, Forms, ById> forms;
  constexpr double readable =
      1000; // a score of very many paths stays as derived: its polynomial would be larger than it is
  for (Term t : tileExpressions(outputs)) {
    if (countTerms(t) > readable)
      forms[t] = {t, t, t};
    else
      forms[t] = {t, horner(t, centres), collectByCotangent(t, centres)};
  }

  Choice best;
  Program bestProgram = program;
  std::optional<Cost> bestCost;
  auto consider = [&](const Choice &choice) {
    Program made = withChoice(program, choice);
    Cost cost = costOf(made);
    if (bestCost && !(cost < *bestCost)) return;
    best = choice, bestProgram = made, bestCost = cost;
  };
  // all tiles in one form first, the last form being the one most shared; then each tile by itself
  for (size_t form : {2, 1, 0}) {
    Choice choice;
    for (const auto &[t, f] : forms) choice[t] = f[form];
    consider(choice);
  }
  for (const auto &[t, f] : forms)
    for (Term form : f) {
      if (best[t] == form) continue;
      Choice choice = best;
      choice[t] = form;
      consider(choice);
    }
  return bestProgram;
}
