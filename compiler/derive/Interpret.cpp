// The interpreter: one dense array for each term.
#include "compiler/derive/Interpret.h"

#include "compiler/derive/Structure.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>
#include <limits>
#include <unordered_map>

using namespace jvpgen;

static constexpr size_t kRank = IndexSet::kOrder.size();
using Strides = std::array<size_t, kRank>;

size_t Extents::tuples(IndexSet indices) const {
  size_t out = 1;
  for (size_t k = 0; k < kRank; ++k)
    if (indices.has(IndexSet::kOrder[k])) out *= size_t(lengths[k]);
  return out;
}

static Strides stridesOf(IndexSet indices, const Extents &extents) {
  Strides out{};
  size_t step = 1;
  for (size_t k = kRank; k--;) {
    char c = IndexSet::kOrder[k];
    if (!indices.has(c)) continue;
    out[k] = step;
    step *= size_t(extents[c]);
  }
  return out;
}

static size_t offsetOf(const IndexTuple &at, const Strides &strides) {
  size_t out = 0;
  for (size_t k = 0; k < kRank; ++k) out += size_t(at[k]) * strides[k];
  return out;
}

using Function = double (*)(const double *x);

/// The functions of the table, see attn.apply.
static Function functionOf(llvm::StringRef name) {
  static const llvm::StringMap<Function> functions = {
      {"exp", [](const double *x) { return std::exp(x[0]); }},
      {"log", [](const double *x) { return std::log(x[0]); }},
      {"tanh", [](const double *x) { return std::tanh(x[0]); }},
      {"logistic", [](const double *x) { return 1 / (1 + std::exp(-x[0])); }},
      {"sqrt", [](const double *x) { return std::sqrt(x[0]); }},
      {"abs", [](const double *x) { return std::fabs(x[0]); }},
      {"recip", [](const double *x) { return 1 / x[0]; }},
      {"recip0", [](const double *x) { return x[0] == 0 ? 0 : 1 / x[0]; }},
      {"sign", [](const double *x) { return double((x[0] > 0) - (x[0] < 0)); }},
      {"step", [](const double *x) { return x[0] > 0    ? 1
                                            : x[0] == 0 ? 0.5
                                                        : 0; }},
      {"nonempty", [](const double *x) { return double(x[0] > -std::numeric_limits<double>::infinity()); }},
      {"not", [](const double *x) { return double(x[0] == 0); }},
      {"min", [](const double *x) { return std::fmin(x[0], x[1]); }},
      {"max", [](const double *x) { return std::fmax(x[0], x[1]); }},
      {"lt", [](const double *x) { return double(x[0] < x[1]); }},
      {"le", [](const double *x) { return double(x[0] <= x[1]); }},
      {"eq", [](const double *x) { return double(x[0] == x[1]); }},
      {"and", [](const double *x) { return double(x[0] != 0 && x[1] != 0); }},
      {"or", [](const double *x) { return double(x[0] != 0 || x[1] != 0); }},
      {"where", [](const double *x) { return x[0] != 0 ? x[1] : x[2]; }},
  };
  return functions.lookup(name);
}

namespace {

class Interpreter {
public:
  Interpreter(const Extents &extents, const MaskFunction &keep) : extents(extents), keep(keep) {}

  /// The array of a term whose arguments have theirs.
  DenseArray evaluate(Term t) {
    DenseArray out{t->indices, {}};
    if (t->is(TermKind::Sum)) return sum(t);
    if (t->is(TermKind::Lse)) return lse(t);
    out.values.reserve(extents.tuples(t->indices));
    std::vector<const DenseArray *> args;
    std::vector<Strides> strides;
    for (Term a : t->args) args.push_back(&values.at(a)), strides.push_back(stridesOf(a->indices, extents));
    coefficients.clear();
    for (const Rational &c : t->coefficients) coefficients.push_back(toDouble(c));
    constant = toDouble(t->constant);
    std::vector<double> x(t->args.size());
    forEachTuple(t->indices, extents, [&](const IndexTuple &at) {
      for (size_t k = 0; k < x.size(); ++k) x[k] = args[k]->values[offsetOf(at, strides[k])];
      out.values.push_back(pointwise(t, x, at));
    });
    return out;
  }

  std::unordered_map<Term, DenseArray> values;
  double matmuls = 0;

private:
  bool kept(const IndexTuple &at) const {
    auto in = [&](char c) { return at[IndexSet::kOrder.find(c)]; };
    return keep(in('b'), in('n') * extents['r'] + in('r'), in('i'), in('j'));
  }

  double indexValue(Term t, const IndexTuple &at) const {
    auto in = [&](char c) { return double(at[IndexSet::kOrder.find(c)]); };
    if (t->name == "h") return in('n') * extents['r'] + in('r');
    if (t->name == "q_length") return extents['i'];
    if (t->name == "kv_length") return extents['j'];
    return in(t->name[0]);
  }

  double pointwise(Term t, const std::vector<double> &x, const IndexTuple &at) const {
    switch (t->kind) {
    case TermKind::Constant: return constant;
    case TermKind::Index: return indexValue(t, at);
    case TermKind::Size: return extents[t->name[0]];
    case TermKind::Lin: {
      double out = constant;
      for (size_t k = 0; k < x.size(); ++k) out += coefficients[k] * x[k];
      return out;
    }
    case TermKind::Mul: { // selection: a masked weight is 0 whatever stands beside it
      double out = 1;
      for (double v : x) out *= v;
      return llvm::is_contained(x, 0.0) ? 0 : out;
    }
    case TermKind::Mexp: return kept(at) ? std::exp(x[0]) : 0;
    case TermKind::Apply: return functionOf(t->name)(x.data());
    default: return 0;
    }
  }

  DenseArray sum(Term t) {
    DenseArray out{t->indices, std::vector<double>(extents.tuples(t->indices))};
    Term body = t->args[0];
    const std::vector<double> &x = values.at(body).values;
    Strides strides = stridesOf(t->indices, extents);
    size_t next = 0;
    forEachTuple(body->indices, extents, [&](const IndexTuple &at) { out.values[offsetOf(at, strides)] += x[next++]; });
    if (isContraction(t)) matmuls += double(extents.tuples(body->indices)) / double(extents.tuples("bnrijd"));
    return out;
  }

  DenseArray lse(Term t) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> greatest(extents.tuples(t->indices), -infinity), total(greatest.size(), 0);
    const std::vector<double> &s = values.at(t->args[0]).values;
    Strides own = stridesOf(t->indices, extents), whole = stridesOf(t->args[0]->indices, extents);
    auto entries = [&](auto f) {
      forEachTuple(t->args[0]->indices, extents, [&](const IndexTuple &at) {
        if (kept(at)) f(offsetOf(at, own), s[offsetOf(at, whole)]);
      });
    };
    entries([&](size_t row, double v) { greatest[row] = std::fmax(greatest[row], v); });
    entries([&](size_t row, double v) { total[row] += v == -infinity ? 0 : std::exp(v - greatest[row]); });
    DenseArray out{t->indices, {}};
    for (auto [m, l] : llvm::zip(greatest, total)) out.values.push_back(l == 0 ? -infinity : m + std::log(l));
    return out;
  }

  const Extents &extents;
  const MaskFunction &keep;
  std::vector<double> coefficients; ///< of the term being evaluated, as doubles
  double constant = 0;
};

} // namespace

Result<Interpretation> jvpgen::interpret(const Program &program, const Extents &extents,
                                         const std::map<std::string, DenseArray> &inputs, const MaskFunction &keep) {
  Interpreter interpreter(extents, keep);
  for (Term t : topologicalOrder(program.roots())) {
    if (!t->is(TermKind::Input)) {
      interpreter.values[t] = interpreter.evaluate(t);
      continue;
    }
    auto it = inputs.find(t->name);
    if (it == inputs.end() || it->second.indices != t->indices ||
        it->second.values.size() != extents.tuples(t->indices))
      return fail(ErrorKind::Invalid, "program " + program.name + " reads " + t->name + " with indices \"" +
                                          t->indices.str() +
                                          "\", which is not among the inputs; give an array of that shape");
    interpreter.values[t] = it->second;
  }
  Interpretation out;
  for (const auto &[name, t] : program.outputs) out.outputs[name] = interpreter.values.at(t);
  out.matmuls = interpreter.matmuls;
  return out;
}
