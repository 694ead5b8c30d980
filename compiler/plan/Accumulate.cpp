// Accumulators of a sweep, and its outputs in terms of them.
#include "compiler/plan/Accumulate.h"

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
    if (tile->is(TermKind::Lin) && tile->args.size() == 1 && tile->constant == Rational(0))
      scale = tile->coefficients[0], tile = tile->args[0];
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
    Term body = value;
    Rational c(1);
    while (body->is(TermKind::Lin) && body->args.size() == 1 && body->constant == Rational(0))
      c *= body->coefficients[0], body = body->args[0];
    for (Accumulator &a : out.accumulators)
      if (a.symbol == body && a.place == Place::Tile && a.output.empty() && occurrences[storedBy(a.symbol)] == 1) {
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
