// Online softmax and row shift.
#include "compiler/plan/Online.h"
#include "compiler/plan/Accumulate.h"
#include "compiler/plan/Separate.h"

#include "llvm/ADT/STLExtras.h"
#include <map>

using namespace jvpgen;

/// S = scale * operand + rest, scale > 0 and rest free of j: the maximum of the operand is as good as that of S, and
/// cheaper.
namespace {
struct ScoreSplit {
  Term operand;
  Rational scale;
  Term rest;
};
} // namespace

static ScoreSplit splitScore(Term s) {
  TermContext &terms = *s->context;
  std::vector<Summand> inside, rest;
  Rational constant(0);
  for (auto &[t, c] : separatedSummands(s, constant)) (t->indices.has('j') ? inside : rest).push_back({t, c});
  Term tile = terms.lin(inside);
  Rational scale(1);
  if (tile->is(TermKind::Lin) && tile->args.size() == 1 && tile->constant == Rational(0)) {
    if (tile->coefficients[0] > Rational(0))
      scale = tile->coefficients[0], tile = tile->args[0];
    else
      tile = scaledLin(tile->args[0], tile->coefficients[0]);
  }
  return {tile, scale, terms.lin(rest, constant)};
}

/// The degree in weights exp(S - lse): 1 for the weight itself; nothing if summands differ.
static std::optional<int> weightDegree(Term t, Term lse) {
  if (t->is(TermKind::Mexp)) return llvm::is_contained(topologicalOrder({t}), lse) ? 1 : 0;
  if (t->is(TermKind::Mul)) {
    int sum = 0;
    for (Term a : t->args) {
      std::optional<int> d = weightDegree(a, lse);
      if (!d) return std::nullopt;
      sum += *d;
    }
    return sum;
  }
  if (t->is(TermKind::Lin)) {
    std::optional<int> degree = weightDegree(t->args[0], lse);
    if (t->constant != Rational(0) && degree != 0) return std::nullopt;
    for (Term a : t->args)
      if (weightDegree(a, lse) != degree) return std::nullopt;
    return degree;
  }
  return 0;
}

namespace {
/// A tile x that enters linearly beside the weight w, and the sums in which it does.
struct Shifted {
  Term weight, tile;
  std::vector<Term> sums;
};
} // namespace

static std::vector<Shifted> shiftedTiles(const std::vector<Term> &sums) {
  std::vector<Shifted> out;
  for (Term s : sums) {
    if (!s->is(TermKind::Sum) || !(s->over == IndexSet("j"))) continue;
    Term weight = nullptr;
    std::vector<Term> rest;
    unsigned weights = 0;
    for (Term f : factorsOf(tileOf(s))) {
      if (f->is(TermKind::Mexp))
        weight = f, ++weights;
      else
        rest.push_back(f);
    }
    Term x = s->context->mul(rest);
    if (weights != 1 || !x->isTile()) continue;
    auto it = llvm::find_if(out, [&](const Shifted &o) { return o.weight == weight && o.tile == x; });
    if (it == out.end())
      out.push_back({weight, x, {s}});
    else
      it->sums.push_back(s);
  }
  return out;
}

// sum_j w x v = sum_j w (x - r) v + r sum_j w v, where every sum_j w v is accumulated anyway or known, and some output
// is made of both: there the part of x that a row has in common cancels, and takes digits along. Where none is, r would
// take digits.
static void shiftRows(OnlineForm &form, const KnownSums &known) {
  std::vector<Term> sums = accumulatedSums(form.outputs);
  std::vector<std::vector<Term>> parts;
  for (const NamedTerm &output : form.outputs) parts.push_back(topologicalOrder({output.second}));
  std::map<Term, Term> replacement;
  for (const Shifted &s : shiftedTiles(sums)) {
    TermContext &terms = *s.tile->context;
    auto weighted = [&](Term sum, Term tile) {
      std::vector<Term> body = featureFactorsOf(sum);
      body.push_back(s.weight);
      body.push_back(tile);
      return terms.sum("j", terms.mul(body));
    };
    auto companion = [&](Term sum) { return weighted(sum, terms.one()); };
    auto isThere = [&](Term sum) { return llvm::is_contained(sums, companion(sum)) || known.count(companion(sum)); };
    if (!llvm::all_of(s.sums, isThere)) continue;
    auto beside = [&](Term sum) {
      auto value = known.find(companion(sum));
      return value == known.end() ? companion(sum) : value->second;
    };
    auto cancels = [&](Term sum) {
      return llvm::any_of(parts, [&](const std::vector<Term> &part) {
        return llvm::is_contained(part, sum) && llvm::is_contained(part, beside(sum));
      });
    };
    if (llvm::none_of(s.sums, cancels)) continue;
    Term r = terms.input("r" + std::to_string(form.shifts.size()), "bnri", InputKind::Plan);
    form.shifts.push_back({r, s.tile});
    for (Term sum : s.sums)
      replacement[sum] = terms.add(weighted(sum, terms.subtract(s.tile, r)), terms.mul({r, beside(sum)}));
  }
  if (form.shifts.empty()) return;
  auto isRow = [](Term t) { return !t->isTile(); };
  for (auto &[name, t] : form.outputs) t = t->context->lin(termsOf(replaceTerms(t, replacement), isRow));
}

void jvpgen::learnSums(const std::vector<NamedTerm> &outputs, KnownSums &known) {
  std::map<Term, Term> saved;
  auto given = [](const NamedTerm &output) {
    return output.second->context->input(output.first, output.second->indices, InputKind::Saved);
  };
  for (const NamedTerm &output : outputs)
    if (Term t = output.second; t->is(TermKind::Lse)) {
      saved[t] = given(output);
      // 1, or 0 in a row without keys; there the shift is 0, and so is what it multiplies
      known[t->context->sum(t->over, t->context->mexp(t->context->subtract(t->args[0], saved[t]), t->name))] =
          t->context->one();
    }
  for (const NamedTerm &output : outputs)
    if (output.second->is(TermKind::Sum)) known[replaceTerms(output.second, saved)] = given(output);
}

Result<OnlineForm> jvpgen::onlineForm(std::vector<NamedTerm> outputs, const KnownSums &known) {
  std::vector<Term> sums = accumulatedSums(outputs);
  std::vector<Term> normalisers;
  for (Term s : sums)
    if (s->is(TermKind::Lse)) normalisers.push_back(s);
  if (normalisers.empty()) {
    OnlineForm form{std::move(outputs), std::nullopt, {}};
    shiftRows(form, known);
    return form;
  }
  if (normalisers.size() > 1)
    return fail(ErrorKind::Unsupported,
                "a sweep with " + std::to_string(normalisers.size()) +
                    " softmax normalisers was asked for; a sweep keeps one running maximum; save lse of the "
                    "first in an earlier program");
  Term lse = normalisers[0], s = lse->args[0];
  TermContext &terms = *lse->context;
  ScoreSplit score = splitScore(s);
  Term m = terms.input("m", "bnri", InputKind::Plan);
  Term weight = terms.mexp(plainLin(terms, {{score.operand, score.scale}, {m, -score.scale}}), lse->name);
  Term total = terms.sum("j", weight), inverse = terms.apply("recip0", {total});
  Term reference = terms.lin({{m, score.scale}, {score.rest, Rational(1)}});
  std::map<Term, Term> inside = {{terms.mexp(terms.subtract(s, lse), lse->name), weight}, {lse, reference}};
  std::map<Term, Term> above = {{lse, terms.add(reference, terms.apply("log", {total}))}};
  for (Term sum : sums) {
    if (sum == lse) continue;
    if (weightDegree(sum->args[0], lse) != 1)
      return fail(ErrorKind::Unsupported,
                  "a sum beside the softmax is not of degree 1 in its weight: " + print(sum) +
                      "; the running maximum rescales each accumulator once; save lse in an earlier program");
    // the weights' own sum is 1, and 0 in a row without keys
    const Term accumulated = replaceTerms(sum, inside);
    above[sum] = accumulated == total ? terms.apply("nonempty", {above[lse]}) : terms.mul({accumulated, inverse});
  }
  OnlineForm form{{}, RunningMaximum{m, score.operand}, {}};
  for (auto &[name, t] : outputs) form.outputs.push_back({name, replaceTerms(t, above)});
  shiftRows(form, known);
  return form;
}
