// Sums, products, and matrix products where they can be recognised.
#include "compiler/derive/Notation.h"

#include "compiler/derive/Structure.h"
#include "llvm/ADT/STLExtras.h"

using namespace jvpgen;

FormulaWriter::FormulaWriter(const Notation &notation, const std::vector<Definition> &listing, const Rational &scale)
    : notation(notation), scale(scale) {
  for (const Definition &d : listing) names.try_emplace(d.term, &d);
}

static bool isReciprocal(Term t) { return t->is(TermKind::Apply) && (t->name == "recip" || t->name == "recip0"); }

Formula FormulaWriter::write(Term t) const {
  auto it = names.find(t);
  return it != names.end() && !t->is(TermKind::Constant) && !t->is(TermKind::Input)
             ? Formula{notation.symbol(*it->second)}
             : define(t);
}

Formula FormulaWriter::define(Term t) const {
  switch (t->kind) {
  case TermKind::Input: return {notation.input(t->name)};
  case TermKind::Index: return {notation.index(t->name)};
  case TermKind::Size: return {notation.index("#" + t->name)};
  case TermKind::Constant: return writeLin(t);
  case TermKind::Lin: return writeLin(t);
  case TermKind::Mul: return writeProduct(t->args);
  case TermKind::Sum: return writeSum(t);
  case TermKind::Lse: return {notation.lse(write(t->args[0]))};
  case TermKind::Mexp: return {notation.weight(write(t->args[0]))};
  case TermKind::Apply: break;
  }
  if (isReciprocal(t)) return {notation.quotient({"1"}, write(t->args[0])), Formula::Product};
  std::vector<Formula> x;
  for (Term a : t->args) x.push_back(write(a));
  return notation.function(t->name, x);
}

/// The terms of a lin; those of a nested lin without a name are among them.
std::vector<Summand> FormulaWriter::flattened(Term lin) const {
  std::vector<Summand> out;
  if (lin->is(TermKind::Constant)) return {{lin->context->one(), lin->constant}};
  for (auto [a, c] : llvm::zip(lin->args, lin->coefficients)) {
    if (!a->is(TermKind::Lin) || names.contains(a)) {
      out.push_back({a, c});
      continue;
    }
    for (const auto &[x, k] : flattened(a)) out.push_back({x, c * k});
  }
  if (lin->constant != Rational(0)) out.push_back({lin->context->one(), lin->constant});
  return out;
}

Formula FormulaWriter::writeLin(Term t) const {
  std::vector<Summand> terms = flattened(t);
  // a positive term first, if there is one
  llvm::stable_sort(
      terms, [](const Summand &a, const Summand &b) { return a.second > Rational(0) && b.second < Rational(0); });
  std::string out;
  for (const auto &[x, c] : terms) {
    bool negative = c < Rational(0);
    ScaledNumber number = recogniseScale(negative ? -c : c, scale);
    bool plain = number.power == 0 && number.number == Rational(1);
    std::string text = x->isOne() ? notation.magnitude(number)
                       : plain ? notation.wrap(write(x), Formula::Product)
                               : notation.times(notation.magnitude(number), notation.wrap(write(x), Formula::Product));
    out += out.empty() ? (negative ? "-" : "") : negative ? " - " : " + ";
    out += text;
  }
  if (out.empty()) return {"0"};
  bool bare = terms.size() == 1 && terms[0].first->isOne() && terms[0].second >= Rational(0);
  bool negative = out.front() == '-';
  return {out, bare ? Formula::Atom : terms.size() > 1 || negative ? Formula::Sum : Formula::Product};
}

Formula FormulaWriter::writeProduct(llvm::ArrayRef<Term> factors) const {
  std::vector<Term> above, below;
  for (Term f : factors) {
    if (isReciprocal(f) && !names.contains(f))
      below.push_back(f->args[0]);
    else
      above.push_back(f);
  }
  // numbers, rows and columns stand before tiles
  llvm::stable_sort(above, [](Term a, Term b) { return a->isTile() < b->isTile(); });
  auto product = [&](const std::vector<Term> &fs) -> Formula {
    Formula out{"1"};
    for (size_t k = 0; k < fs.size(); ++k) {
      Formula x = write(fs[k]);
      bool twice = k + 1 < fs.size() && fs[k + 1] == fs[k];
      std::string text = twice ? notation.square(x) : fs.size() > 1 ? notation.wrap(x, Formula::Product) : x.text;
      bool first = out.text == "1";
      out = first ? Formula{text, fs.size() == 1 ? x.binding
                                  : twice        ? Formula::Atom
                                                 : Formula::Product}
                  : Formula{notation.times(out.text, text), Formula::Product};
      k += twice;
    }
    return out;
  };
  if (below.empty()) return product(above);
  return {notation.quotient(product(above), product(below)), Formula::Product};
}

Formula FormulaWriter::writeSum(Term t) const {
  std::vector<Term> features = featureFactorsOf(t);
  Term tile = tileOf(t);
  IndexSet over = t->over;
  bool plainTile = tile->isOne();
  // sum_f x_if y_jf = x y^T
  if (isContraction(t) && kFeature.contains(over) && plainTile && features.size() == 2) {
    Term x = features[0], y = features[1];
    if (x->indices.has('j')) std::swap(x, y);
    if (!x->indices.has('j') && !y->indices.has('i'))
      return {notation.matmul(write(x), {notation.transposed(write(y)), Formula::Atom}), Formula::Product};
  }
  bool overRows = over.has('i') && IndexSet("ri").contains(over);
  // sum_j t_ij y_jf = t y and sum_i t_ij x_if = t^T x
  if (isContraction(t) && features.size() == 1 && tile->isTile()) {
    if (over == IndexSet("j")) return {notation.matmul(write(tile), write(features[0])), Formula::Product};
    if (overRows)
      return {notation.matmul({notation.transposed(write(tile)), Formula::Atom}, write(features[0])), Formula::Product};
  }
  Formula body = write(t->args[0]);
  if (over == IndexSet("j") || kFeature.contains(over)) return {notation.rowSum(body)};
  if (overRows) return {notation.columnSum(body)};
  return {notation.sum(over, body)};
}
