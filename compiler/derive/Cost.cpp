// The cost of a program under re-execution, and the count of its products.
#include "compiler/derive/Cost.h"

#include "llvm/ADT/STLExtras.h"
#include <map>

using namespace jvpgen;

double jvpgen::matmulUnits(Term product, HeadDims dims) {
  IndexSet body = product->args[0]->indices;
  return (body.has('e') ? double(dims.v) / dims.qk : 1.0) * (body.contains(kFeature) ? dims.qk : 1.0);
}

std::vector<std::pair<int, Term>> jvpgen::sweepRoots(const std::vector<Term> &outputs) {
  std::vector<std::pair<int, Term>> out;
  for (Term t : topologicalOrder(outputs))
    if (streams(t)) out.push_back({level(t), t});
  for (Term t : outputs) {
    std::pair<int, Term> tile = {level(t) + 1, t};
    bool written = t->isTile() || (t->is(TermKind::Sum) && t->args[0]->isTile() && !streams(t));
    if (written && !llvm::is_contained(out, tile)) out.push_back(tile);
  }
  return out;
}

/// Operations of one tile term per score element: the products of one accumulator and the row part of a sum count once.
static int operationsOf(Term t) {
  if (t->is(TermKind::Mul)) {
    auto outside = [](Term a) { return !a->indices.meets(kStreamed); };
    return int(llvm::count_if(t->args, [&](Term a) { return !outside(a); })) - 1 + llvm::any_of(t->args, outside);
  }
  if (!t->is(TermKind::Lin)) return 1;
  int tiles = 0, loose = 0;
  std::vector<Rational> accumulators;
  for (auto [a, c] : llvm::zip(t->args, t->coefficients)) {
    bool product = isContraction(a);
    tiles += a->isTile();
    loose += a->isTile() && !product;
    if (product && !llvm::is_contained(accumulators, c)) accumulators.push_back(c);
  }
  bool row = tiles < int(t->args.size()) || t->constant != Rational(0);
  return loose + int(accumulators.size()) - 1 + row;
}

static int pointwiseOperations(const std::vector<Term> &outputs) {
  int out = 0;
  for (Term t : topologicalOrder(outputs))
    if (t->isTile() && !t->indices.meets(kFeature) && !t->is(TermKind::Sum) && !t->is(TermKind::Input))
      out += operationsOf(t);
  return out;
}

Cost jvpgen::costOf(const std::vector<Term> &outputs, HeadDims dims) {
  std::map<int, TermSet> products;
  for (auto [l, t] : sweepRoots(outputs)) {
    TermSet &at = products[l];
    at.merge(closure(streams(t) ? t->args : std::vector<Term>{t}));
    if (isContraction(t)) at.insert(t);
  }
  Cost out;
  out.sweeps = int(products.size());
  for (const auto &[l, set] : products)
    for (Term p : set) out.executed += matmulUnits(p, dims);
  for (Term t : topologicalOrder(outputs)) out.storedTiles += isTileSum(t) && t->isTile() && !isContraction(t);
  out.pointwise = pointwiseOperations(outputs);
  return out;
}

double jvpgen::matmulsOf(const Program &p) {
  double out = 0;
  for (Term t : topologicalOrder(p.roots()))
    if (isContraction(t)) out += matmulUnits(t, p.dims);
  return out;
}
