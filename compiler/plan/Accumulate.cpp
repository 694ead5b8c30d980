// Accumulators of a sweep, and its outputs in terms of them.
#include "compiler/plan/Accumulate.h"
#include "compiler/plan/Separate.h"

#include "llvm/ADT/STLExtras.h"

using namespace jvpgen;

static bool isAccumulated(Term t) { return streams(t) || isTileSum(t); }

/// A tile made of sums of tiles and of given values can be computed when its sweep has ended.
static bool isKnownAfterwards(Term t) {
  if (isAccumulated(t) || t->args.empty() || !t->isTile()) return true;
  return (t->is(TermKind::Lin) || t->is(TermKind::Mul)) && llvm::all_of(t->args, isKnownAfterwards);
}

/// A tile that is an output is stored as it is: a sum over nothing.
static Term stored(Term t) {
  if (isKnownAfterwards(t)) return t;
  return t->context->raw({.kind = TermKind::Sum, .args = {t}});
}

std::vector<Term> jvpgen::accumulatedSums(const std::vector<NamedTerm> &outputs) {
  TermSet found, seen;
  std::vector<Term> stack;
  for (auto &[name, t] : outputs) stack.push_back(stored(t));
  while (!stack.empty()) {
    Term t = stack.back();
    stack.pop_back();
    if (!seen.insert(t).second) continue;
    if (isAccumulated(t))
      found.insert(t);
    else
      stack.insert(stack.end(), t->args.begin(), t->args.end());
  }
  return {found.begin(), found.end()};
}

Term jvpgen::replaceTerms(Term t, const std::map<Term, Term> &replacement) {
  std::map<Term, Term> done = replacement;
  std::function<Term(Term)> go = [&](Term x) {
    auto it = done.find(x);
    if (it != done.end()) return it->second;
    std::vector<Term> args;
    for (Term a : x->args) args.push_back(go(a));
    return done[x] = x->context->remake(x, args);
  };
  return go(t);
}

/// Summands of a value: all plain sums at its top opened.
static void appendSummands(Term t, const Rational &c, std::vector<Summand> &out) {
  if (!t->is(TermKind::Lin) || t->constant != Rational(0)) return out.push_back({t, c});
  for (auto [a, k] : llvm::zip(t->args, t->coefficients)) appendSummands(a, c * k, out);
}

// ---- factors beside sums
// ---------------------------------------------------------------------------------------------

namespace {
/// A product's accumulated sum and the rest of it.
struct Split {
  Term sum;
  Term factor;
};
} // namespace

/// A summand of an output as factor * matrix sum, the factor known before the sweep.
static std::optional<Split> splitSummand(Term summand) {
  std::vector<Term> factors = factorsOf(summand);
  auto it = llvm::find_if(factors, isAccumulated);
  if (it == factors.end() || featureFactorsOf(*it).empty()) return std::nullopt;
  Term sum = *it;
  factors.erase(it);
  for (Term f : factors)
    if (llvm::any_of(topologicalOrder({f}), isAccumulated) || f->indices.meets(kFeature)) return std::nullopt;
  return Split{sum, summand->context->mul(factors)};
}

/// Summands of one output whose factors differ cannot share an accumulator: their factors go into the tiles, everywhere
/// where the same tile stands beside the same factor.   temp sum_i x q + sum_i y q = sum_i (temp x) q + sum_i y q
static void shareFactors(std::vector<NamedTerm> &outputs) {
  std::set<std::pair<Term, Term>> inside;
  auto summands = [](Term t) {
    std::vector<Summand> out;
    appendSummands(t, Rational(1), out);
    return out;
  };
  for (auto &[name, t] : outputs) {
    std::set<std::pair<Term, Term>> own;
    TermSet factors;
    for (auto &[s, c] : summands(t))
      if (auto split = splitSummand(s)) own.insert({tileOf(split->sum), split->factor}), factors.insert(split->factor);
    if (factors.size() > 1) inside.insert(own.begin(), own.end());
  }
  for (auto &[name, t] : outputs) {
    std::vector<Summand> moved;
    for (auto &[s, c] : summands(t)) {
      auto split = splitSummand(s);
      if (!split || split->factor->isOne() || !inside.count({tileOf(split->sum), split->factor})) {
        moved.push_back({s, c});
        continue;
      }
      TermNode sum{.kind = TermKind::Sum, .args = {t->context->mul({split->factor, split->sum->args[0]})}};
      sum.over = split->sum->over;
      moved.push_back({t->context->raw(std::move(sum)), c});
    }
    t = t->context->lin(std::move(moved));
  }
}

// ---- accumulators
// ----------------------------------------------------------------------------------------------------

namespace {
/// Where the sum of a tile is kept, and what remains to be summed when its sweep has ended.
struct Location {
  Place place;
  IndexSet indices;
  IndexSet later;
};
} // namespace

static Axis otherAxis(Axis axis) { return axis == Axis::Row ? Axis::Column : Axis::Row; }

static std::optional<Location> locate(Term sum, Axis axis, Reach reach) {
  if (!sum->is(TermKind::Sum) || !sum->args[0]->indices.contains("bnrij")) return std::nullopt;
  IndexSet feature = sum->indices & kFeature;
  for (Axis a : {axis, otherAxis(axis)}) {
    if (!sum->over.contains(streamedIndices(a)) || (a != axis && reach == Reach::Own)) continue;
    IndexSet later = sum->over - streamedIndices(a);
    if (!feature.empty() && !later.empty()) return std::nullopt;
    return Location{a == axis ? Place::Register : Place::Global, ownIndices(a) | feature, later};
  }
  if (!feature.empty()) return std::nullopt;
  return Location{Place::Tile, "bnrij", sum->over};
}

namespace {
/// A summand of an output: coefficient * row factor * sum.
struct Use {
  std::string output;
  Term factor;
  Rational coefficient;
};

class Accumulating {
public:
  Accumulating(const std::vector<NamedTerm> &given, Axis axis, Reach reach, unsigned &next)
      : axis(axis), reach(reach), next(next) {
    for (auto &[name, t] : given) outputs.push_back({name, stored(t)});
    shareFactors(outputs);
  }

  Result<Accumulation> run() {
    countUses();
    for (Term s : accumulatedSums(outputs))
      if (auto done = place(s); !done) return tl::unexpected(done.error());
    for (auto &[name, t] : outputs) finish(name, replaceTerms(t, values));
    return std::move(out);
  }

private:
  void countUses() {
    TermSet seen;
    std::function<void(Term)> count = [&](Term t) {
      ++occurrences[t];
      if (isAccumulated(t) || !seen.insert(t).second) return;
      for (Term a : t->args) count(a);
    };
    for (auto &[name, t] : outputs) {
      count(t);
      std::vector<Summand> summands;
      appendSummands(t, Rational(1), summands);
      for (auto &[summand, c] : summands)
        for (Term f : factorsOf(summand))
          if (isAccumulated(f)) uses[f].push_back({name, cofactor(summand, f), c});
    }
  }

  static Term cofactor(Term product, Term factor) {
    std::vector<Term> rest = factorsOf(product);
    rest.erase(llvm::find(rest, factor));
    return product->context->mul(rest);
  }

  Result<void> place(Term sum) {
    std::optional<Location> where = locate(sum, axis, reach);
    if (!where)
      return fail(ErrorKind::Unsupported,
                  "the sum " + print(sum) + " was asked of a " + (axis == Axis::Row ? "row" : "column") +
                      " sweep; it is no sum over its keys, its queries, or a tile; leave out the output "
                      "that needs it");
    TermContext &terms = *sum->context;
    Term matrix = terms.mul(featureFactorsOf(sum)), tile = tileOf(sum);
    Rational scale(1);
    std::tie(tile, scale) = withoutScale(tile);
    const std::vector<Use> &of = uses[sum];
    bool shares = of.size() == 1 && occurrences[sum] == 1 && !matrix->isOne();
    std::string key = shares ? of[0].output + ' ' + std::to_string(of[0].factor->id) + ' ' + sum->indices.str() : "";
    auto known = shared.find(key);
    if (shares && known != shared.end()) {
      auto &[symbol, first] = known->second;
      values[sum] = terms.zero();
      out.contributions.push_back({symbol, tile, matrix, scale * of[0].coefficient / first});
      return {};
    }
    Term symbol = terms.input("acc" + std::to_string(next++), where->indices, InputKind::Plan);
    if (shares) shared.insert({key, {symbol, of[0].coefficient}});
    out.accumulators.push_back({symbol, where->place});
    out.contributions.push_back({symbol, tile, matrix->isOne() ? nullptr : matrix, scale});
    values[sum] = where->later.empty() ? symbol : terms.sum(where->later, symbol);
    return {};
  }

  /// A tile is an output by itself; what needs the owner's rows alone is an epilogue; all else a post-pass.
  void finish(const std::string &name, Term value) {
    auto [whole, c] = withoutScale(value);
    for (Accumulator &a : out.accumulators)
      if (a.symbol == whole && a.place == Place::Tile && a.output.empty() && occurrences[storedBy(a.symbol)] == 1) {
        a.output = name;
        for (Contribution &k : out.contributions)
          if (k.accumulator == a.symbol) k.coefficient *= c;
        return;
      }
    bool isOwn = value->indices - kFeature == ownIndices(axis);
    for (Term t : topologicalOrder({value})) {
      if (t->is(TermKind::Sum) && !kFeature.contains(t->over)) isOwn = false;
      for (const Accumulator &a : out.accumulators)
        if (a.symbol == t && a.place != Place::Register) isOwn = false;
    }
    (isOwn ? out.epilogues : out.posts).push_back({name, value});
  }

  Term storedBy(Term symbol) const {
    for (auto &[sum, value] : values)
      if (value == symbol) return sum;
    return nullptr;
  }

  Axis axis;
  Reach reach;
  unsigned &next;
  std::vector<NamedTerm> outputs;
  std::map<Term, std::vector<Use>> uses;
  std::map<Term, unsigned> occurrences;
  std::map<std::string, std::pair<Term, Rational>> shared;
  std::map<Term, Term> values;
  Accumulation out;
};
} // namespace

Result<Accumulation> jvpgen::accumulate(const std::vector<NamedTerm> &outputs, Axis axis, Reach reach, unsigned &next) {
  return Accumulating(outputs, axis, reach, next).run();
}
