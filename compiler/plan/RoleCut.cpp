// Role cuts: every union of the score products of some tiles is a candidate for the first role.
#include "compiler/plan/RoleCut.h"
#include "compiler/plan/Separate.h"

#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace jvpgen;

static bool isWithin(const TermSet &inner, const TermSet &outer) {
  return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end(), ById());
}

/// The score products of each tile, and all unions of them, the smallest first.
static std::vector<TermSet> candidates(const std::vector<Contribution> &contributions) {
  auto less = [](const TermSet &a, const TermSet &b) {
    if (a.size() != b.size()) return a.size() < b.size();
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), ById());
  };
  std::set<TermSet, decltype(less)> unions(less);
  for (const Contribution &c : contributions) {
    TermSet own = closure({c.tile});
    std::vector<TermSet> before(unions.begin(), unions.end());
    unions.insert(own);
    for (TermSet u : before) {
      u.insert(own.begin(), own.end());
      unions.insert(std::move(u));
    }
  }
  return {unions.begin(), unions.end()};
}

namespace {
struct Cut {
  std::vector<Role> roles;
  std::pair<size_t, size_t> price; ///< products of the longer role, exports
};
} // namespace

/// The cut in which the first role knows exactly the score products `known`.
static std::optional<Cut> cutAt(const TermSet &known, const std::vector<Contribution> &contributions,
                                const std::vector<Centre> &centres) {
  Role first, second;
  TermSet own;
  for (const Contribution &c : contributions) {
    if (isWithin(closure({c.tile}), known)) {
      first.contributions.push_back(c);
      continue;
    }
    std::optional<std::vector<CotangentPart>> parts = cotangentParts(c.tile, centres);
    if (!parts) return std::nullopt;
    TermContext &terms = *c.tile->context;
    std::vector<Summand> summands;
    for (const CotangentPart &part : *parts) {
      auto [tile, scale] = withoutScale(part.tile);
      if (!isWithin(closure({tile}), known)) return std::nullopt;
      for (Term product : closure({part.combination})) own.insert(product);
      auto it = llvm::find_if(first.exports, [exported = tile](auto &e) { return e.second == exported; });
      if (it == first.exports.end()) {
        std::string name = "X" + std::to_string(first.exports.size());
        it = first.exports.insert(it, {terms.input(name, tile->indices, InputKind::Plan), tile});
        second.imports.push_back(it->first);
      }
      summands.push_back({terms.mul({it->first, part.combination}), scale});
    }
    second.contributions.push_back({c.accumulator, terms.lin(summands), c.matrix, c.coefficient});
  }
  bool overlaps = llvm::any_of(own, [&](Term product) { return known.count(product); });
  if (first.contributions.empty() || second.contributions.empty() || first.exports.empty() || overlaps)
    return std::nullopt;
  size_t longer = std::max(known.size() + first.contributions.size(), own.size() + second.contributions.size());
  size_t exports = first.exports.size();
  return Cut{{std::move(first), std::move(second)}, {longer, exports}};
}

std::optional<std::vector<Role>> jvpgen::cutRoles(const std::vector<Contribution> &contributions,
                                                  const std::vector<Centre> &centres) {
  std::optional<Cut> best;
  for (const TermSet &known : candidates(contributions)) {
    std::optional<Cut> cut = cutAt(known, contributions, centres);
    if (cut && (!best || cut->price < best->price)) best = std::move(cut);
  }
  if (!best) return std::nullopt;
  return std::move(best->roles);
}
