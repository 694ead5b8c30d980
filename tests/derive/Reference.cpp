// Dual numbers over complex numbers, and attention on them.
#include "tests/derive/Reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace jvpgen;
using namespace jvpgen::test;

namespace {

struct Dual {
  Complex a = 0, t = 0;
};
Dual operator+(Dual x, Dual y) { return {x.a + y.a, x.t + y.t}; }
Dual operator-(Dual x, Dual y) { return {x.a - y.a, x.t - y.t}; }
Dual operator*(Dual x, Dual y) { return {x.a * y.a, x.a * y.t + x.t * y.a}; }
Dual operator/(Dual x, Dual y) { return {x.a / y.a, x.t / y.a - x.a * y.t / (y.a * y.a)}; }
Dual number(double v) { return {v, 0}; }
bool below(Dual x, Dual y) { return x.a.real() < y.a.real(); }

/// f(x) with f' given.
Dual chain(Dual x, Complex f, Complex derivative) { return {f, derivative * x.t}; }

Dual evaluate(const Expr &e, const std::map<std::string, Dual> &variables) {
  if (e.op == ExprOp::Number) return number(std::stod(e.text));
  if (e.op == ExprOp::Variable) return variables.at(e.text);
  std::vector<Dual> x;
  for (const Expr &a : e.args) x.push_back(evaluate(a, variables));
  Complex one = 1;
  switch (e.op) {
  case ExprOp::Neg: return number(0) - x[0];
  case ExprOp::Add: return x[0] + x[1];
  case ExprOp::Sub: return x[0] - x[1];
  case ExprOp::Mul: return x[0] * x[1];
  case ExprOp::Div: return x[0] / x[1];
  case ExprOp::Exp: return chain(x[0], std::exp(x[0].a), std::exp(x[0].a));
  case ExprOp::Log: return chain(x[0], std::log(x[0].a), one / x[0].a);
  case ExprOp::Tanh: return chain(x[0], std::tanh(x[0].a), one - std::tanh(x[0].a) * std::tanh(x[0].a));
  case ExprOp::Sqrt: return chain(x[0], std::sqrt(x[0].a), one / (2.0 * std::sqrt(x[0].a)));
  case ExprOp::Abs: return x[0].a.real() < 0 ? number(0) - x[0] : x[0];
  case ExprOp::Min: return below(x[1], x[0]) ? x[1] : x[0];
  case ExprOp::Max: return below(x[0], x[1]) ? x[1] : x[0];
  case ExprOp::Where: return x[0].a.real() != 0 ? x[1] : x[2];
  case ExprOp::Lt: return number(below(x[0], x[1]));
  case ExprOp::Le: return number(!below(x[1], x[0]));
  case ExprOp::Gt: return number(below(x[1], x[0]));
  case ExprOp::Ge: return number(!below(x[0], x[1]));
  default: throw std::logic_error("an operation that no test uses");
  }
}

/// Reads arrays by name at (b, n, r, i, j, feature).
class Reader {
public:
  Reader(const AttentionSpec &spec, const Extents &extents, const Arrays &inputs, const ComplexStep &step)
      : spec(spec), extents(extents), inputs(inputs), step(step) {}

  using At = std::array<int, 6>;

  Dual operator()(const std::string &name, const At &at) const {
    bool hasTangent = std::find(spec.tangents.begin(), spec.tangents.end(), name) != spec.tangents.end();
    return {read(name, at), hasTangent ? read("t" + name, at) : Complex(0)};
  }

private:
  Complex read(const std::string &name, const At &at) const {
    const DenseArray &array = inputs.at(name);
    size_t offset = 0;
    for (size_t k = 0; k < 7; ++k) {
      char c = "bnrijde"[k];
      if (array.indices.has(c)) offset = offset * size_t(extents[c]) + size_t(at[std::min<size_t>(k, 5)]);
    }
    double imaginary = step.direction && step.name == name ? 1e-30 * step.direction->values[offset] : 0;
    return {array.values[offset], imaginary};
  }

  const AttentionSpec &spec;
  const Extents &extents;
  const Arrays &inputs;
  const ComplexStep &step;
};

/// One row: o (dv numbers), then lse.
std::vector<Dual> attendRow(const AttentionSpec &spec, const Extents &x, const Reader &read, const MaskFunction &keep,
                            int b, int n, int r, int i) {
  std::vector<std::pair<int, Dual>> scores;
  double greatest = -std::numeric_limits<double>::infinity();
  for (int j = 0; j < x['j']; ++j) {
    if (!keep(b, n * x['r'] + r, i, j)) continue;
    Dual z = number(0);
    for (int d = 0; d < x['d']; ++d) z = z + read("q", {b, n, r, i, j, d}) * read("k", {b, n, r, i, j, d});
    std::map<std::string, Dual> variables = {
        {"z", z * number(spec.softmax_scale)}, {"q_index", number(i)}, {"kv_index", number(j)},
        {"head", number(n * x['r'] + r)},      {"batch", number(b)},   {"q_length", number(x['i'])},
        {"kv_length", number(x['j'])}};
    for (const NamedInput &in : spec.inputs) variables[in.name] = read(in.name, {b, n, r, i, j, 0});
    scores.push_back({j, evaluate(spec.score, variables)});
    greatest = std::max(greatest, scores.back().second.a.real());
  }
  std::vector<Dual> out(size_t(x['e']) + 1);
  Dual total = number(0);
  for (const auto &[j, s] : scores) {
    Dual shifted = s - number(greatest), w = chain(shifted, std::exp(shifted.a), std::exp(shifted.a));
    total = total + w;
    for (int e = 0; e < x['e']; ++e) out[size_t(e)] = out[size_t(e)] + w * read("v", {b, n, r, i, j, e});
  }
  if (scores.empty()) {
    out.back().a = -std::numeric_limits<double>::infinity();
    return out;
  }
  for (int e = 0; e < x['e']; ++e) out[size_t(e)] = out[size_t(e)] / total;
  out.back() = chain(total, std::log(total.a), Complex(1) / total.a) + number(greatest);
  return out;
}

} // namespace

ReferenceOutputs test::evaluateReference(const AttentionSpec &spec, const Extents &x, const Arrays &inputs,
                                         const MaskFunction &keep, const ComplexStep &step) {
  Reader read(spec, x, inputs, step);
  ReferenceOutputs out;
  for (int b = 0; b < x['b']; ++b)
    for (int n = 0; n < x['n']; ++n)
      for (int r = 0; r < x['r']; ++r)
        for (int i = 0; i < x['i']; ++i) {
          std::vector<Dual> row = attendRow(spec, x, read, keep, b, n, r, i);
          for (int e = 0; e < x['e']; ++e) {
            out.values["o"].push_back(row[size_t(e)].a);
            out.values["to"].push_back(row[size_t(e)].t);
          }
          out.values["lse"].push_back(row.back().a);
          out.values["mu"].push_back(row.back().t);
        }
  return out;
}

double test::directionalDerivative(const AttentionSpec &spec, const Extents &extents, const Arrays &inputs,
                                   const MaskFunction &keep, const std::string &name, const DenseArray &direction) {
  ReferenceOutputs out = evaluateReference(spec, extents, inputs, keep, {name, &direction});
  double derivative = 0;
  for (const std::string &y : spec.cotangents) {
    const std::vector<double> &cotangent = inputs.at("d" + y).values;
    const std::vector<Complex> &value = out.values.at(y);
    for (size_t k = 0; k < value.size(); ++k) derivative += cotangent[k] * value[k].imag() / 1e-30;
  }
  return derivative;
}

DenseArray test::randomArray(IndexSet indices, const Extents &extents, std::mt19937 &random) {
  std::normal_distribution<double> normal;
  DenseArray out{indices, std::vector<double>(extents.tuples(indices))};
  for (double &v : out.values) v = normal(random);
  return out;
}

Arrays test::randomInputs(const AttentionSpec &spec, const Extents &extents, std::mt19937 &random) {
  Arrays out;
  auto add = [&](const std::string &name, IndexSet indices) { out[name] = randomArray(indices, extents, random); };
  std::map<std::string, IndexSet> primals = {{"q", "bnrid"}, {"k", "bnjd"}, {"v", "bnje"}};
  for (const NamedInput &in : spec.inputs) primals[in.name] = IndexSet(in.indices);
  for (const auto &[name, indices] : primals) add(name, indices), add("t" + name, indices);
  for (const NamedInput &in : spec.inputs)
    if (in.kind != NamedInput::Kind::Bias)
      for (double &v : out[in.name].values) v = std::fabs(v) + 0.5;
  for (const char *y : {"do", "dto"}) add(y, "bnrie");
  for (const char *y : {"dlse", "dmu"}) add(y, "bnri");
  return out;
}

double test::relativeError(const std::vector<double> &got, const std::vector<double> &want) {
  if (got.size() != want.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, greatest = 1e-3;
  for (size_t k = 0; k < got.size(); ++k) {
    if (got[k] == want[k]) continue;
    if (!std::isfinite(got[k])) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, std::fabs(got[k] - want[k]));
    greatest = std::max(greatest, std::fabs(want[k]));
  }
  return difference / greatest;
}
