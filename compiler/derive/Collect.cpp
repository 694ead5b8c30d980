// Products with a common matrix become one product of a sum of tiles.
#include "compiler/derive/Cost.h"
#include "compiler/derive/Simplify.h"

#include "llvm/ADT/STLExtras.h"
#include <tuple>

using namespace jvpgen;

namespace {
/// Sums over the same indices beside the same feature factors, and the tiles that they weigh them with.
struct Group {
  IndexSet over;
  std::vector<Term> features;
  std::vector<Summand> tiles;
};
} // namespace

/// The factor of a monomial that is a sum of a tile and can take the other factors inside; the number of factors if
/// there is none.
static size_t collectable(const std::vector<Term> &fs) {
  for (size_t k = 0; k < fs.size(); ++k) {
    Term f = fs[k];
    if (!f->is(TermKind::Sum) || kFeature.contains(f->over) || !f->args[0]->isTile()) continue;
    auto bound = [&](size_t n) { return n != k && fs[n]->indices.meets(f->over); };
    if (streams(f) || llvm::none_of(llvm::seq<size_t>(0, fs.size()), bound)) return k;
  }
  return fs.size();
}

/// Sorts the terms of a lin into groups; what cannot be collected goes to `rest`.
static std::vector<Group> groupsOf(Term lin, std::vector<Summand> &rest) {
  std::vector<Group> groups;
  for (auto [a, c] : llvm::zip(lin->args, lin->coefficients)) {
    std::vector<Term> fs = factorsOf(a);
    size_t k = collectable(fs);
    if (k == fs.size() || (streams(fs[k]) && fs.size() > 1)) {
      rest.push_back({a, c});
      continue;
    }
    IndexSet over = fs[k]->over;
    std::vector<Term> body = factorsOf(fs[k]->args[0]), features, tile;
    for (size_t n = 0; n < fs.size(); ++n)
      if (n != k) body.push_back(fs[n]);
    for (Term f : body) (f->indices.meets(kFeature) ? features : tile).push_back(f);
    auto same = llvm::find_if(groups, [&](const Group &g) { return g.over == over && g.features == features; });
    if (same == groups.end()) same = groups.insert(groups.end(), {over, features, {}});
    same->tiles.push_back({lin->context->mul(tile), c});
  }
  return groups;
}

static bool holdsTileSum(Term t) {
  if (isTileSum(t) && !isContraction(t)) return true;
  return (t->is(TermKind::Lin) || t->is(TermKind::Mul)) && llvm::any_of(t->args, holdsTileSum);
}

/// Sums at the top of a tile output are opened, so that they meet in one: each costs a tile in memory.
static std::vector<Term> openTileOutputs(std::vector<Term> roots) {
  for (Term &r : roots)
    if (r->isTile() && !r->indices.meets(kFeature)) r = r->context->lin(termsOf(r, holdsTileSum));
  return roots;
}

Program jvpgen::collectProducts(const Program &program) {
  std::vector<Term> roots = rebuild(openTileOutputs(program.roots()), [](Term t) {
    if (!t->is(TermKind::Lin) || isLetter(t)) return t;
    TermContext &context = *t->context;
    std::vector<Summand> terms;
    std::vector<Group> groups = groupsOf(t, terms);
    if (llvm::all_of(groups, [](const Group &g) { return g.tiles.size() == 1; })) return t;
    for (const Group &g : groups) {
      bool alone = g.tiles.size() == 1;
      std::vector<Term> body = g.features;
      body.push_back(alone ? g.tiles[0].first : context.lin(g.tiles));
      terms.push_back({context.sum(g.over, context.mul(body)), alone ? g.tiles[0].second : Rational(1)});
    }
    return context.lin(std::move(terms), t->constant);
  });
  Program collected = program.withRoots(roots);
  return costOf(collected) <= costOf(program) ? collected : program;
}
