// The properties.
#include "tests/derive/Properties.h"

#include "compiler/derive/Adjoint.h"
#include "compiler/derive/Tangent.h"
#include "llvm/ADT/STLExtras.h"
#include <gtest/gtest.h>

using namespace jvpgen;
using namespace jvpgen::test;

DenseArray test::combine(const DenseArray &a, double k, const DenseArray &b) {
  DenseArray out = a;
  for (size_t n = 0; n < out.values.size(); ++n) out.values[n] += k * b.values[n];
  return out;
}

double test::inner(const DenseArray &a, const DenseArray &b) {
  double out = 0;
  for (auto [x, y] : llvm::zip_equal(a.values, b.values)) out += x * y;
  return out;
}

DenseArray Function::evaluate(Term t, const Arrays &at) const {
  Program p;
  p.outputs = {{"y", t}};
  Result<Interpretation> out = interpret(p, extents, at, keep);
  EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().text());
  DenseArray y = out ? out->outputs.at("y") : DenseArray();
  return y.values.size() == extents.tuples(output->indices) || t->isZero() ? y : DenseArray();
}

Arrays Function::random(std::mt19937 &generator, const std::string &prefix) const {
  Arrays out;
  for (Term x : inputs) out[prefix + x->name] = randomArray(x->indices, extents, generator);
  return out;
}

static Term tangentInput(Term x) { return x->context->input("t" + x->name, x->indices, InputKind::Tangent); }

Derivatives test::derivativesOf(const Function &f) {
  std::map<Term, Term> seed;
  for (Term x : f.inputs) seed[x] = tangentInput(x);
  Term cotangent = f.terms().input("of_output", f.output->indices, InputKind::Cotangent);
  return {tangentOf({f.output}, seed)[0], adjointOf({{f.output, cotangent}}, f.inputs)};
}

/// d f(x + h v) / dh by central differences.
static DenseArray centralDifference(const Function &f, const Arrays &x, const Arrays &v, double step) {
  Arrays above, below;
  for (const auto &[name, array] : x) {
    above[name] = combine(array, step, v.at("t" + name));
    below[name] = combine(array, -step, v.at("t" + name));
  }
  DenseArray out = combine(f.evaluate(f.output, above), -1, f.evaluate(f.output, below));
  for (double &value : out.values) value /= 2 * step;
  return out;
}

Errors test::errorsOf(const Function &f, const Derivatives &d, std::mt19937 &generator) {
  Arrays x = f.random(generator), v = f.random(generator, "t"), all = x;
  all.insert(v.begin(), v.end());
  DenseArray want = centralDifference(f, x, v, 1e-5), got = {want.indices, std::vector<double>(want.values.size())};
  if (!d.tangent->isZero()) got = f.evaluate(d.tangent, all);
  DenseArray w = all["of_output"] = randomArray(f.output->indices, f.extents, generator);
  double pulled = 0, size = 1e-3;
  for (auto [input, gradient] : llvm::zip_equal(f.inputs, d.gradients)) {
    Function product = f; // a gradient may be broadcast
    product.output = f.terms().sum(input->indices, f.terms().mul({gradient, tangentInput(input)}));
    double part = product.evaluate(product.output, all).values.at(0);
    pulled += part, size += std::fabs(part);
  }
  return {relativeError(got.values, want.values), std::fabs(inner(w, got) - pulled) / size};
}

void test::checkFunction(const Function &f, std::mt19937 &generator, const std::string &what, double tolerance) {
  Errors e = errorsOf(f, derivativesOf(f), generator);
  EXPECT_LT(e.tangent, tolerance) << what << ": tangent";
  EXPECT_LT(e.adjoint, 1e-11) << what << ": adjoint";
}
