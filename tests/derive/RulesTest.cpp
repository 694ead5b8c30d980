// Properties of the rules, run from the table itself: a rule that is added is tested, one that no test reaches fails.
#include "compiler/derive/Rules.h"
#include "compiler/derive/Adjoint.h"
#include "compiler/derive/Derive.h"
#include "compiler/derive/Interpret.h"
#include "compiler/derive/Tangent.h"
#include "compiler/ir/Import.h"
#include "tests/derive/Reference.h"
#include "tests/derive/Specs.h"

#include "llvm/ADT/STLExtras.h"
#include <gmock/gmock.h>
#include <set>

using namespace jvpgen;
using namespace jvpgen::test;

namespace {

bool keepAll(int, int, int, int) { return true; }
bool keepSome(int b, int h, int i, int j) { return (3 * i + 5 * j + h + b) % 4 != 0 && i != 2; }

DenseArray combine(const DenseArray &a, double k, const DenseArray &b) {
  DenseArray out = a;
  for (size_t n = 0; n < out.values.size(); ++n) out.values[n] += k * b.values[n];
  return out;
}

double inner(const DenseArray &a, const DenseArray &b) {
  double out = 0;
  for (auto [x, y] : llvm::zip_equal(a.values, b.values)) out += x * y;
  return out;
}

/// A function of terms with inputs "x0", "x1" ..., and what is needed to differentiate it numerically.
struct Function {
  std::vector<Term> inputs;
  Term output;
  Extents extents;
  MaskFunction keep = keepAll;

  TermContext &terms() const { return *output->context; }

  DenseArray evaluate(Term t, const Arrays &at) const {
    Program p;
    p.outputs = {{"y", t}};
    Result<Interpretation> out = interpret(p, extents, at, keep);
    EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().text());
    DenseArray y = out ? out->outputs.at("y") : DenseArray();
    return y.values.size() == extents.tuples(output->indices) || t->isZero() ? y : DenseArray();
  }

  Arrays random(std::mt19937 &generator, const std::string &prefix = "") const {
    Arrays out;
    for (Term x : inputs) out[prefix + x->name] = randomArray(x->indices, extents, generator);
    return out;
  }
};

/// The tangent of a function along the inputs "t" + x.
Term tangentTerm(const Function &f) {
  std::map<Term, Term> seed;
  for (Term x : f.inputs) seed[x] = f.terms().input("t" + x->name, x->indices, InputKind::Tangent);
  return tangentOf({f.output}, seed)[0];
}

/// d f(x + h v) / dh by central differences.
DenseArray centralDifference(const Function &f, const Arrays &x, const Arrays &v, double step) {
  Arrays above, below;
  for (const auto &[name, array] : x) {
    above[name] = combine(array, step, v.at("t" + name));
    below[name] = combine(array, -step, v.at("t" + name));
  }
  DenseArray out = combine(f.evaluate(f.output, above), -1, f.evaluate(f.output, below));
  for (double &value : out.values) value /= 2 * step;
  return out;
}

/// The tangent is the central difference, and <w, tangent(v)> = <adjoint(w), v>.
void checkFunction(const Function &f, std::mt19937 &generator, const std::string &what, double tolerance = 1e-7) {
  Arrays x = f.random(generator), v = f.random(generator, "t"), all = x;
  all.insert(v.begin(), v.end());
  Term tangent = tangentTerm(f);
  DenseArray want = centralDifference(f, x, v, 1e-5);
  DenseArray got =
      tangent->isZero() ? DenseArray{want.indices, std::vector<double>(want.values.size())} : f.evaluate(tangent, all);
  ASSERT_LT(relativeError(got.values, want.values), tolerance) << what << ": tangent";

  Term cotangent = f.terms().input("of_output", f.output->indices, InputKind::Cotangent);
  DenseArray w = all["of_output"] = randomArray(f.output->indices, f.extents, generator);
  double pulled = 0, size = 1e-3;
  for (auto [x, gradient] : llvm::zip_equal(f.inputs, adjointOf({{f.output, cotangent}}, f.inputs))) {
    Term v = f.terms().input("t" + x->name, x->indices, InputKind::Tangent);
    Function product = f;
    product.output = f.terms().sum(x->indices, f.terms().mul({gradient, v})); // a gradient may be broadcast
    double part = product.evaluate(product.output, all).values.at(0);
    pulled += part, size += std::fabs(part);
  }
  EXPECT_LT(std::fabs(inner(w, got) - pulled) / size, 1e-11) << what << ": adjoint";
}

Extents points(int n) {
  Extents x;
  x['i'] = n;
  return x;
}

/// An argument inside the function's domain, and away from where it grows fast.
Term insideDomain(llvm::StringRef function, unsigned argument, Term x) {
  TermContext &terms = *x->context;
  if (function == "where" && argument == 0) return terms.apply("lt", {x, terms.zero()});
  Term bounded = terms.apply("tanh", {x});
  bool positive = function == "log" || function == "sqrt" || function == "recip" || function == "recip0";
  if (positive) return terms.lin({{bounded, Rational(1)}}, Rational(3, 2));
  return function == "exp" ? bounded : x;
}

TEST(Rules, EachRuleIsItsCentralDifference) {
  std::mt19937 generator(1);
  for (const Rule &rule : ruleTable()) {
    TermContext terms;
    Function f;
    std::vector<Term> args;
    for (unsigned k = 0; k < rule.arity; ++k) {
      f.inputs.push_back(terms.input("x" + std::to_string(k), "i"));
      args.push_back(insideDomain(rule.function, k, f.inputs.back()));
    }
    f.output = terms.apply(rule.function, args);
    f.extents = points(64);
    checkFunction(f, generator, rule.function);
  }
}

TEST(Rules, ValuesAtKinks) {
  TermContext terms;
  Term x = terms.input("x", ""), y = terms.input("y", "");
  Term tx = terms.input("tx", "", InputKind::Tangent), ty = terms.input("ty", "", InputKind::Tangent);
  Arrays at = {{"x", {{}, {0.0}}}, {"y", {{}, {0.0}}}, {"tx", {{}, {4.0}}}, {"ty", {{}, {10.0}}}};
  auto tangentAt = [&](Term t) {
    Program p;
    p.outputs = {{"y", tangentOf({t}, {{x, tx}, {y, ty}})[0]}};
    return interpret(p, Extents(), at, keepAll)->outputs.at("y").values[0];
  };
  EXPECT_EQ(tangentAt(terms.apply("abs", {x})), 0) << "abs'(0) = 0";
  EXPECT_EQ(tangentAt(terms.apply("min", {x, y})), 7) << "a tie takes half of each side";
  EXPECT_EQ(tangentAt(terms.apply("max", {x, y})), 7);
}

/// The kinds of terms that are no functions of the table.
TEST(Rules, SumsProductsAndNormalisers) {
  std::mt19937 generator(2);
  Extents x;
  x['b'] = 2, x['i'] = 5, x['j'] = 4, x['d'] = 3;
  TermContext terms;
  Term a = terms.input("a", "bid"), b = terms.input("b", "jd"), c = terms.input("c", "i");
  Term product = terms.sum("d", terms.mul({a, b}));
  Term score = terms.lin({{product, Rational(2, 3)}, {c, Rational(-1)}, {terms.mul({c, c, product}), Rational(1, 7)}},
                         Rational(1));
  Term lse = terms.lse("j", score), weight = terms.mexp(terms.subtract(score, lse));
  std::map<std::string, Term> outputs = {{"contraction", product},
                                         {"lin and mul", score},
                                         {"broadcast sum", terms.sum("bj", score)},
                                         {"mexp", weight},
                                         {"weighted sum", terms.sum("j", terms.mul({weight, b}))}};
  for (const auto &[name, t] : outputs) checkFunction({{a, b, c}, t, x, keepSome}, generator, name);
  // a row without keys has lse = -inf on both sides of the difference: compare where there are keys
  checkFunction({{a, b, c}, lse, x, [](int, int, int i, int j) { return j <= i; }}, generator, "lse");
}

/// A random function of the inputs, of every rule in turn.
class Composer {
public:
  Composer(TermContext &terms, std::mt19937 &random) : terms(terms), random(random) {
    for (unsigned k = 0; k < 3; ++k) inputs.push_back(terms.input("x" + std::to_string(k), k == 1 ? "i" : "ij"));
  }

  Term compose(int depth) {
    if (depth == 0) return inputs[random() % inputs.size()];
    unsigned kind = random() % 3;
    if (kind == 0)
      return terms.lin({{compose(depth - 1), Rational(2, 3)}, {compose(0), Rational(-1, 2)}}, Rational(1, 5));
    if (kind == 1) return terms.mul({compose(depth - 1), terms.apply("tanh", {compose(depth - 1)})});
    const Rule &rule = ruleTable()[random() % ruleTable().size()];
    reached.insert(rule.function);
    std::vector<Term> args;
    for (unsigned k = 0; k < rule.arity; ++k) args.push_back(insideDomain(rule.function, k, compose(depth - 1)));
    return terms.apply(rule.function, args);
  }

  std::vector<Term> inputs;
  static inline std::set<std::string> reached;

private:
  TermContext &terms;
  std::mt19937 &random;
};

TEST(Rules, RandomCompositions) {
  std::mt19937 random(7);
  Extents x;
  x['i'] = 4, x['j'] = 3;
  for (int trial = 0; trial < 150; ++trial) {
    TermContext terms;
    Composer composer(terms, random);
    // every input occurs, so that the output has all indices
    std::vector<Summand> all = {{composer.compose(3), Rational(1)}};
    for (Term i : composer.inputs) all.push_back({i, Rational(1, 3)});
    checkFunction({composer.inputs, terms.lin(all), x}, random, "composition " + std::to_string(trial), 1e-6);
  }
  for (const Rule &rule : ruleTable())
    EXPECT_TRUE(Composer::reached.contains(rule.function)) << "no composition reaches the rule of " << rule.function;
}

/// Functions that scores can use have a rule.
TEST(Rules, EveryFunctionOfAScoreHasOne) {
  for (const char *f :
       {"exp", "log", "tanh", "sqrt", "abs", "min", "max", "where", "lt", "le", "eq", "and", "or", "not", "recip"})
    EXPECT_NE(findRule(f), nullptr) << f;
}

// ---- whole programs ------------------------------------------------------------------------------------------------

Extents programExtents() {
  Extents x;
  x['b'] = 1, x['n'] = 2, x['r'] = 2, x['i'] = 4, x['j'] = 5, x['d'] = x['e'] = 3;
  return x;
}

/// The scalar sum <w, o> + <u, lse> of a specification as a function of its inputs.
Function energyOf(TermContext &terms, const AttentionSpec &spec) {
  Program p = *importForward(terms, spec);
  Term w = terms.input("w_o", "bnrie"), u = terms.input("w_lse", "bnri");
  Function f;
  for (const auto &[name, t] : p.inputs) f.inputs.push_back(t);
  f.output =
      terms.add(terms.sum("bnrie", terms.mul({w, p.output("o")})), terms.sum("bnri", terms.mul({u, p.output("lse")})));
  f.extents = programExtents();
  f.keep = [](int, int, int i, int j) { return j <= i; };
  return f;
}

TEST(Programs, AdjointIdentityAndCentralDifferences) {
  std::mt19937 generator(3);
  for (const auto &[name, spec] : allSpecs()) {
    TermContext terms;
    Program p = *importForward(terms, spec);
    for (const auto &[output, t] : p.outputs) {
      Function f;
      for (const auto &[input, x] : p.inputs) f.inputs.push_back(x);
      f.output = t, f.extents = programExtents(), f.keep = [](int, int, int i, int j) { return j <= i; };
      checkFunction(f, generator, name + ": " + output, 1e-6);
    }
  }
}

/// u^T H v = v^T H u, H v being the tangent of the gradient.
TEST(Programs, HessianIsSymmetric) {
  std::mt19937 generator(4);
  for (const auto &[name, spec] : allSpecs()) {
    TermContext terms;
    Function f = energyOf(terms, spec);
    std::vector<Term> gradient = adjointOf({{f.output, terms.one()}}, f.inputs);
    Arrays x = f.random(generator);
    x["w_o"] = randomArray("bnrie", f.extents, generator);
    x["w_lse"] = randomArray("bnri", f.extents, generator);
    Arrays u = f.random(generator), v = f.random(generator);
    auto form = [&](const Arrays &left, const Arrays &right) {
      std::map<Term, Term> seed;
      Arrays at = x;
      for (Term i : f.inputs) {
        seed[i] = terms.input("t" + i->name, i->indices, InputKind::Tangent);
        at["t" + i->name] = right.at(i->name);
      }
      double out = 0;
      for (auto [i, h] : llvm::zip_equal(f.inputs, tangentOf(gradient, seed))) {
        Function one = f;
        one.output = i;
        if (!h->isZero()) out += inner(left.at(i->name), one.evaluate(h, at));
      }
      return out;
    };
    double uv = form(u, v), vu = form(v, u);
    EXPECT_LT(std::fabs(uv - vu), 1e-11 * (1 + std::fabs(uv))) << name;
  }
}

/// tangent(a u + b v) = a tangent(u) + b tangent(v), of the simplified program.
TEST(Programs, TangentIsLinear) {
  std::mt19937 generator(5);
  for (const auto &[name, spec] : allSpecs()) {
    TermContext terms;
    Program p = *deriveProgram(terms, spec, "tangent_forward");
    Extents x = programExtents();
    Arrays base = randomInputs(spec, x, generator), u = base, v = randomInputs(spec, x, generator), sum = base;
    for (const std::string &t : spec.tangents) {
      sum["t" + t] = combine(combine(u["t" + t], 1, u["t" + t]), -3, v["t" + t]); // 2 u - 3 v
    }
    for (auto &[input, array] : base)
      if (input[0] != 't' || spec.input(input)) v[input] = array;
    auto run = [&](const Arrays &at) { return interpret(p, x, at, keepSome)->outputs; };
    std::map<std::string, DenseArray> ru = run(u), rv = run(v), rs = run(sum);
    for (const char *output : {"to", "mu"}) {
      std::vector<double> want;
      for (auto [a, b] : llvm::zip_equal(ru[output].values, rv[output].values)) want.push_back(2 * a - 3 * b);
      EXPECT_LT(relativeError(rs[output].values, want), 1e-12) << name << ": " << output;
    }
  }
}

} // namespace
