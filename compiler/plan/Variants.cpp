// From outputs to the sweeps that compute them.
#include "compiler/plan/Variants.h"
#include "compiler/plan/Accumulate.h"
#include "compiler/plan/Coefficients.h"
#include "compiler/plan/Scores.h"
#include "compiler/plan/SharedProducts.h"

#include "llvm/ADT/STLExtras.h"

using namespace jvpgen;

Result<void> VariantBuilder::makeRoles(Sweep &sweep, std::vector<Contribution> contributions, bool isSplit) {
  for (const Contribution &c : contributions)
    if (level(c.tile) > 0)
      return fail(ErrorKind::Unsupported,
                  "the sweep \"" + sweep.name + "\" was asked for the tile " + print(c.tile) +
                      ", which needs a sweep before it; save the row values that it reads, or plan its "
                      "passes one by one");
  if (!isSplit) {
    sweep.roles.resize(1);
    sweep.roles[0].contributions = std::move(contributions);
    return {};
  }
  std::optional<std::vector<Role>> roles = cutRoles(contributions, centres);
  if (!roles)
    return fail(ErrorKind::Unsupported,
                "a cut of the sweep \"" + sweep.name +
                    "\" into two roles was asked for; no set of score "
                    "products leaves tiles that the other side completes linearly; use row+col");
  sweep.roles = std::move(*roles);
  return {};
}

/// The tiles of a role, in the order of their need.
static std::vector<Term *> tilesOf(Role &role) {
  std::vector<Term *> out;
  if (role.maximum) out.push_back(&role.maximum->operand);
  for (RowShift &s : role.shifts) out.push_back(&s.tile);
  for (auto &[symbol, tile] : role.exports) out.push_back(&tile);
  for (Contribution &c : role.contributions) out.push_back(&c.tile);
  return out;
}

/// Brings all tiles of each role into the form in which it computes them.
void VariantBuilder::arrange(Sweep &sweep) {
  for (Role &role : sweep.roles) {
    std::vector<Term *> places = tilesOf(role);
    std::vector<Term> tiles;
    for (Term *place : places) tiles.push_back(*place);
    tiles = shareProducts(separateTiles(tiles, sweep.axis, statistics));
    role.scores = groupScores(tiles);
    for (auto [place, tile] : llvm::zip(places, tiles)) *place = tile;
  }
}

/// A tile in memory is written as it is: what coefficient remains goes into it.
static void scaleStoredTiles(Sweep &sweep) {
  for (Role &role : sweep.roles)
    for (Contribution &c : role.contributions)
      for (const Accumulator &a : sweep.accumulators)
        if (a.symbol == c.accumulator && a.place == Place::Tile && c.coefficient != Rational(1)) {
          c.tile = scaledLin(c.tile, c.coefficient);
          c.coefficient = Rational(1);
        }
}

Result<void> VariantBuilder::add(const SweepRequest &request) {
  if (request.outputs.empty()) return {};
  Result<OnlineForm> form = onlineForm(request.outputs, request.known);
  if (!form) return tl::unexpected(form.error());
  Result<Accumulation> sums = accumulate(form->outputs, request.axis, request.reach, accumulators);
  if (!sums) return tl::unexpected(sums.error());
  Sweep sweep{request.name, request.axis, std::move(sums->accumulators), {}, std::move(sums->epilogues)};
  if (auto made = makeRoles(sweep, std::move(sums->contributions), request.isSplit); !made) return made;
  sweep.roles[0].maximum = form->maximum;
  sweep.roles[0].shifts = form->shifts;
  foldCoefficients(sweep, sums->posts);
  scaleStoredTiles(sweep);
  arrange(sweep);
  llvm::append_range(variant.posts, sums->posts);
  variant.sweeps.push_back(std::move(sweep));
  return {};
}

/// What a plan cannot say.
static Result<void> checkTerm(const std::string &what, Term t) {
  for (Term x : topologicalOrder({t}))
    if (x->is(TermKind::Lse) || x->is(TermKind::Size))
      return fail(ErrorKind::Unsupported, "\"" + what + "\" was asked for, and needs " + print(x) +
                                              " outside a sweep; leave out this output, or save that value");
  return {};
}

/// A post-pass adds up numbers: what it sums over features is a statistic.
Term VariantBuilder::withStatistics(Term t) {
  std::map<Term, Term> replacement;
  for (Term x : topologicalOrder({t})) {
    if (!x->is(TermKind::Sum) || !x->over.meets(kFeature)) continue;
    TermContext &terms = *x->context;
    Term inner = statistics.shared(terms.sum(x->over & kFeature, x->args[0]), Axis::Row);
    replacement[x] = terms.sum(x->over - kFeature, inner);
  }
  return replaceTerms(t, replacement);
}

Result<Variant> VariantBuilder::finish() {
  for (auto &[name, t] : variant.posts) t = withStatistics(t);
  variant.statistics = statistics.all();
  std::vector<std::vector<NamedTerm> *> values = {&variant.statistics, &variant.posts};
  for (Sweep &sweep : variant.sweeps) values.push_back(&sweep.epilogues);
  for (std::vector<NamedTerm> *list : values)
    for (auto &[name, t] : *list) t = withoutNestedScales(t);
  std::vector<NamedTerm> all = variant.statistics;
  llvm::append_range(all, variant.posts);
  for (const Sweep &sweep : variant.sweeps) {
    llvm::append_range(all, sweep.epilogues);
    for (const Role &role : sweep.roles)
      for (const Contribution &c : role.contributions) all.push_back({sweep.name, c.tile});
  }
  for (auto &[name, t] : all)
    if (auto checked = checkTerm(name, t); !checked) return tl::unexpected(checked.error());
  return std::move(variant);
}
