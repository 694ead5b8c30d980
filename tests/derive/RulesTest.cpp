// Properties of the rules, run from the table itself: a rule that is added is tested, one that no test reaches fails.
#include "compiler/derive/Rules.h"
#include "compiler/derive/Interpret.h"
#include "compiler/derive/Tangent.h"
#include "tests/derive/Properties.h"

#include <gmock/gmock.h>
#include <set>

using namespace jvpgen;
using namespace jvpgen::test;

namespace {

bool keepSome(int b, int h, int i, int j) { return (3 * i + 5 * j + h + b) % 4 != 0 && i != 2; }

bool keepAll(int, int, int, int) { return true; }

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

/// A rule's function, at points inside its domain.
Function functionOf(TermContext &terms, const Rule &rule) {
  Function f;
  std::vector<Term> args;
  for (unsigned k = 0; k < rule.arity; ++k) {
    f.inputs.push_back(terms.input("x" + std::to_string(k), "i"));
    args.push_back(insideDomain(rule.function, k, f.inputs.back()));
  }
  f.output = terms.apply(rule.function, args);
  f.extents = points(64);
  return f;
}

TEST(Rules, EachRuleIsItsCentralDifference) {
  std::mt19937 generator(1);
  for (const Rule &rule : ruleTable()) {
    TermContext terms;
    checkFunction(functionOf(terms, rule), generator, rule.function);
  }
}

/// sum_k partial_k targ_k, as the engine forms it from a rule.
Term tangentFrom(const std::vector<Term> &partials, const std::vector<Term> &tangents) {
  std::vector<Summand> parts;
  for (size_t k = 0; k < partials.size(); ++k)
    parts.push_back({partials[k]->context->mul({partials[k], tangents[k]}), Rational(1)});
  return partials[0]->context->lin(std::move(parts));
}

// The differences see any partial of any rule that has the wrong sign, is missing, or is too great by 1.
TEST(Rules, AChangedPartialIsFound) {
  std::mt19937 generator(8);
  for (const Rule &rule : ruleTable()) {
    TermContext terms;
    Function f = functionOf(terms, rule);
    std::map<Term, Term> seed;
    for (Term x : f.inputs) seed[x] = terms.input("t" + x->name, x->indices, InputKind::Tangent);
    std::vector<Term> tangents = tangentOf(f.output->args, seed);
    const std::vector<Term> partials = rule.partials(f.output, f.output->args);
    Derivatives d = derivativesOf(f);
    auto errorWith = [&](size_t k, Term changed) {
      std::vector<Term> others = partials;
      others[k] = changed;
      return errorsOf(f, {tangentFrom(others, tangents), d.gradients}, generator);
    };
    for (size_t k = 0; k < partials.size(); ++k) {
      if (tangents[k]->isZero()) continue; // the condition of where
      EXPECT_LT(errorWith(k, partials[k]).tangent, 1e-7) << rule.function << " as it is";
      std::vector<Term> changes = {terms.add(partials[k], terms.one())};
      if (!partials[k]->isZero()) changes.insert(changes.end(), {terms.zero(), terms.scale(Rational(-1), partials[k])});
      for (Term changed : changes) {
        Errors e = errorWith(k, changed);
        EXPECT_GT(e.tangent, 0.1) << rule.function << " with the partial " << print(changed);
        EXPECT_GT(e.adjoint, 1e-3) << rule.function << " with the partial " << print(changed);
      }
    }
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

} // namespace
