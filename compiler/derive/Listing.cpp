// The choice of names.
#include "compiler/derive/Listing.h"

#include "compiler/derive/Structure.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <cstdio>

using namespace jvpgen;

bool jvpgen::isScaled(Term t) { return t->is(TermKind::Lin) && t->args.size() == 1 && t->constant == Rational(0); }

static bool isAtom(Term t) {
  return t->is(TermKind::Input) || t->is(TermKind::Index) || t->is(TermKind::Constant) || t->is(TermKind::Size);
}

/// The term below mere scales.
static Term unscaled(Term t) {
  while (isScaled(t)) t = t->args[0];
  return t;
}

static bool holdsTangent(Term t) {
  return llvm::any_of(topologicalOrder({t}),
                      [](Term x) { return x->is(TermKind::Input) && x->inputKind == InputKind::Tangent; });
}

static bool isScoreProduct(Term t) { return isContraction(t) && !streams(t); }

static Symbol symbolOf(Term t) {
  if (t->is(TermKind::Mexp)) return Symbol::Weight;
  if (t->isTile()) {
    bool products = isScoreProduct(t) || (t->is(TermKind::Lin) && llvm::all_of(t->args, isScoreProduct));
    if (!products) return Symbol::Tile;
    if ((isScoreProduct(t) ? t : t->args[0])->over.has('e')) return Symbol::Value;
    return holdsTangent(t) ? Symbol::LogitTangent : Symbol::Logit;
  }
  return t->indices.has('i') ? Symbol::Row : t->indices.has('j') ? Symbol::Column : Symbol::Number;
}

namespace {
/// What decides on names: how often a term is used, and how much stands in its line.
struct Usage {
  llvm::DenseMap<Term, unsigned> uses, leaves;
};
} // namespace

/// A term that keeps its line readable: shared, a weight, or long.
static bool wantsName(Term t, const Usage &usage) {
  constexpr unsigned longest = 9;
  if (isAtom(t) || isScaled(t)) return false;
  return usage.uses.lookup(t) > 1 || t->is(TermKind::Mexp) || usage.leaves.lookup(t) > longest;
}

std::vector<Definition> jvpgen::listingOf(const Program &p) {
  std::vector<Term> order = topologicalOrder(p.roots());
  Usage usage;
  for (Term t : order)
    if (!isScaled(t))
      for (Term a : t->args) ++usage.uses[unscaled(a)];
  std::map<Term, std::string> outputs;
  for (const auto &[name, t] : p.outputs)
    if (!isAtom(t)) outputs.try_emplace(t, name);

  std::vector<Definition> out;
  std::map<Symbol, unsigned> count;
  for (Term t : order) {
    unsigned &leaves = usage.leaves[t] = isAtom(t);
    for (Term a : t->args) leaves += usage.leaves.lookup(a);
    if (outputs.contains(t) || wantsName(t, usage)) leaves = 1;
    if (!outputs.contains(t) && wantsName(t, usage)) {
      Symbol s = symbolOf(t);
      out.push_back({s, ++count[s], false, "", t});
    }
    if (auto it = outputs.find(t); it != outputs.end()) out.push_back({Symbol::Output, 0, true, it->second, t});
  }
  for (Definition &d : out) d.alone |= count[d.symbol] == 1;
  // an output that is an input, a constant, or the same as another
  for (const auto &[name, t] : p.outputs)
    if (isAtom(t) || outputs.at(t) != name) out.push_back({Symbol::Output, 0, true, name, t});
  return out;
}

ScaledNumber jvpgen::recogniseScale(const Rational &c, const Rational &scale) {
  ScaledNumber best{c, 0};
  if (scale == Rational(1) || c == Rational(0)) return best;
  auto size = [](const Rational &r, int power) {
    double bits = std::log2(std::fabs(toDouble(Rational(r.num, 1)))) + std::log2(toDouble(Rational(r.den, 1)));
    return bits + 1.5 * std::abs(power);
  };
  double least = size(c, 0);
  Rational up(1);
  for (int k = 1; k <= 4; ++k) {
    up *= scale;
    for (int power : {k, -k}) {
      Rational rest = power > 0 ? c / up : c * up;
      if (size(rest, power) < least) least = size(rest, power), best = {rest, power};
    }
  }
  return best;
}

std::string jvpgen::shortNumber(const Rational &value) {
  constexpr size_t readable = 9;
  std::string exact = print(value);
  if (exact.size() <= readable) return exact;
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.17g", toDouble(value));
  return digits;
}
