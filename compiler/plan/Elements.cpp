// Pointwise operations, sums and products of arrays in a box.
#include "compiler/plan/Elements.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace jvpgen;
using namespace mlir;

static constexpr size_t kRank = IndexSet::kOrder.size();

size_t jvpgen::offsetOf(const IndexTuple &tuple, IndexSet indices, const Extents &extents) {
  size_t out = 0;
  for (size_t k = 0; k < kRank; ++k)
    if (indices.has(IndexSet::kOrder[k])) out = out * size_t(extents[IndexSet::kOrder[k]]) + size_t(tuple[k]);
  return out;
}

static IndexSet indicesOf(Value v) {
  return IndexSet(std::string_view(cast<attn::ValueType>(v.getType()).getIndices()));
}

static double indexValue(StringRef name, const IndexTuple &t, const Box &box) {
  auto in = [&](char c) { return at(box.origin, c) + at(t, c); };
  if (name == "h") return in('n') * box.group + in('r');
  if (name == "q_length") return box.q_length;
  if (name == "kv_length") return box.kv_length;
  return in(name[0]);
}

using Function = double (*)(const double *x);

static Function functionOf(StringRef name) {
  static const llvm::StringMap<Function> table = {
      {"exp", [](const double *x) { return std::exp(x[0]); }},
      {"log", [](const double *x) { return std::log(x[0]); }},
      {"tanh", [](const double *x) { return std::tanh(x[0]); }},
      {"logistic", [](const double *x) { return 1 / (1 + std::exp(-x[0])); }},
      {"sqrt", [](const double *x) { return std::sqrt(x[0]); }},
      {"abs", [](const double *x) { return std::fabs(x[0]); }},
      {"min", [](const double *x) { return std::min(x[0], x[1]); }},
      {"max", [](const double *x) { return std::max(x[0], x[1]); }},
      {"where", [](const double *x) { return x[0] != 0 ? x[1] : x[2]; }},
      {"lt", [](const double *x) { return double(x[0] < x[1]); }},
      {"le", [](const double *x) { return double(x[0] <= x[1]); }},
      {"eq", [](const double *x) { return double(x[0] == x[1]); }},
      {"recip", [](const double *x) { return 1 / x[0]; }},
      {"recip0", [](const double *x) { return x[0] == 0 ? 0 : 1 / x[0]; }},
      {"sign", [](const double *x) { return double((x[0] > 0) - (x[0] < 0)); }},
      {"step", [](const double *x) { return x[0] > 0    ? 1
                                            : x[0] == 0 ? 0.5
                                                        : 0; }},
      {"nonempty", [](const double *x) { return double(x[0] > -HUGE_VAL); }},
      {"and", [](const double *x) { return double(x[0] != 0 && x[1] != 0); }},
      {"or", [](const double *x) { return double(x[0] != 0 || x[1] != 0); }},
      {"not", [](const double *x) { return double(x[0] == 0); }},
  };
  return table.lookup(name);
}

/// The function of one element: its operands' values and its place.
using Element = std::function<double(const std::vector<double> &, const IndexTuple &)>;

static Element elementOf(Operation &op, const Box &box, const DenseArray *kept) {
  return llvm::TypeSwitch<Operation *, Element>(&op)
      .Case([](attn::ConstantOp c) { return [v = attn::toDouble(c.getValue())](auto &, auto &) { return v; }; })
      .Case([&box](attn::IndexOp i) {
        return [&box, name = i.getName()](auto &, const IndexTuple &t) { return indexValue(name, t, box); };
      })
      .Case([](attn::LinOp lin) {
        std::vector<double> coefficients;
        for (Attribute c : lin.getCoefficients())
          coefficients.push_back(attn::toDouble(cast<StringAttr>(c).getValue()));
        return [coefficients, constant = attn::toDouble(lin.getConstant())](const std::vector<double> &x, auto &) {
          double out = constant;
          for (auto [c, v] : llvm::zip(coefficients, x)) out += c * v;
          return out;
        };
      })
      .Case([](attn::MulOp) { // a weight of 0 selects 0, whatever stands beside it
        return [](const std::vector<double> &x, auto &) {
          double out = 1;
          for (double v : x) out *= v;
          return llvm::is_contained(x, 0.0) ? 0.0 : out;
        };
      })
      .Case([](attn::ApplyOp a) {
        return [f = functionOf(a.getFunction())](const std::vector<double> &x, auto &) { return f(x.data()); };
      })
      .Case([&box, kept](attn::MexpOp) {
        return [&box, kept](const std::vector<double> &x, const IndexTuple &t) {
          return kept->values[offsetOf(t, kept->indices, box.lengths)] != 0 ? std::exp(x[0]) : 0;
        };
      });
}

static DenseArray sumOf(const DenseArray &body, IndexSet over, const Box &box) {
  DenseArray out{body.indices - over, {}};
  out.values.resize(box.lengths.tuples(out.indices));
  size_t next = 0;
  forEachTuple(body.indices, box.lengths,
               [&](const IndexTuple &t) { out.values[offsetOf(t, out.indices, box.lengths)] += body.values[next++]; });
  return out;
}

DenseArray jvpgen::evaluateElements(Operation &op, const std::vector<const DenseArray *> &operands, const Box &box,
                                    const DenseArray *kept) {
  if (auto sum = dyn_cast<attn::SumOp>(op)) return sumOf(*operands[0], IndexSet(std::string_view(sum.getOver())), box);
  Element element = elementOf(op, box, kept);
  DenseArray out{indicesOf(op.getResult(0)), {}};
  out.values.reserve(box.lengths.tuples(out.indices));
  std::vector<double> x(operands.size());
  forEachTuple(out.indices, box.lengths, [&](const IndexTuple &t) {
    for (size_t k = 0; k < x.size(); ++k) x[k] = operands[k]->values[offsetOf(t, operands[k]->indices, box.lengths)];
    out.values.push_back(element(x, t));
  });
  return out;
}

DenseArray jvpgen::contract(const DenseArray &a, const DenseArray &b, IndexSet over, const Box &box) {
  IndexSet all = a.indices | b.indices;
  DenseArray out{all - over, {}};
  out.values.resize(box.lengths.tuples(out.indices));
  forEachTuple(all, box.lengths, [&](const IndexTuple &t) {
    double x = a.values[offsetOf(t, a.indices, box.lengths)], y = b.values[offsetOf(t, b.indices, box.lengths)];
    out.values[offsetOf(t, out.indices, box.lengths)] += x * y;
  });
  return out;
}
