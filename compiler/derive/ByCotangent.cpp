// An adjoint is linear in its cotangents: tiles collected by them.
#include "compiler/derive/Factor.h"

#include "llvm/ADT/STLExtras.h"
#include <map>

using namespace jvpgen;

/// t = coefficient * body, the body being the one representative of its ray.
static Summand splitRay(Term t) {
  bool scaled = t->is(TermKind::Lin) && t->args.size() == 1 && t->constant == Rational(0);
  return scaled ? Summand{t->args[0], t->coefficients[0]} : Summand{t, Rational(1)};
}

std::optional<std::vector<CotangentPart>> jvpgen::cotangentParts(Term tile, const std::vector<Centre> &centres) {
  TermContext &context = *tile->context;
  std::vector<std::pair<Term, std::vector<Summand>>>
      coefficients; // a cotangent value, and the tile polynomial beside it
  for (auto &[m, c] : openAround(tile, centres)) {
    if (llvm::count_if(m, [](Term f) { return f->cotangent; }) != 1) return std::nullopt;
    Term value = *llvm::find_if(m, [](Term f) { return f->cotangent; });
    auto it = llvm::find_if(coefficients, [&](const auto &entry) { return entry.first == value; });
    if (it == coefficients.end()) it = coefficients.insert(coefficients.end(), {value, {}});
    llvm::erase(m, value);
    it->second.push_back({context.mul(m), c});
  }
  std::vector<std::pair<Term, std::vector<Summand>>>
      groups; // a tile, and the combination of cotangent values beside it
  for (auto &[value, poly] : coefficients) {
    auto [body, k] = splitRay(context.lin(std::move(poly)));
    Term key = body;
    auto it = llvm::find_if(groups, [&](const auto &entry) { return entry.first == key; });
    if (it == groups.end()) it = groups.insert(groups.end(), {key, {}});
    it->second.push_back({value, k});
  }
  std::vector<CotangentPart> out;
  for (auto &[body, combination] : groups) out.push_back({horner(body, centres), context.lin(std::move(combination))});
  return out;
}

Term jvpgen::collectByCotangent(Term tile, const std::vector<Centre> &centres) {
  std::optional<std::vector<CotangentPart>> parts = cotangentParts(tile, centres);
  if (!parts) return tile;
  std::vector<Summand> terms;
  for (const CotangentPart &p : *parts) terms.push_back({tile->context->mul({p.tile, p.combination}), Rational(1)});
  return tile->context->lin(std::move(terms));
}
