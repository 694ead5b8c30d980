// Derived programs, simplified and not, against dual numbers and the complex step.
#include "compiler/derive/Adjoint.h"
#include "compiler/derive/Cost.h"
#include "compiler/derive/Derive.h"
#include "compiler/derive/Interpret.h"
#include "compiler/derive/Tangent.h"
#include "compiler/ir/Import.h"
#include "tests/derive/PrintedProgram.h"
#include "tests/derive/Reference.h"
#include "tests/derive/Specs.h"

#include <gmock/gmock.h>

using namespace jvpgen;
using namespace jvpgen::test;

namespace {

const std::map<std::string, MaskFunction> kMasks = {
    {"none", [](int, int, int, int) { return true; }},
    {"causal", [](int, int, int i, int j) { return j <= i; }},
    {"window with empty rows", [](int, int, int i, int j) { return j <= i - 3 && i - j < 7; }},
    {"by head and batch", [](int b, int h, int i, int j) { return (i + j + h + b) % 3 != 0; }},
};

Extents smallExtents() {
  Extents x;
  x['b'] = 2, x['n'] = 2, x['r'] = 2, x['i'] = 7, x['j'] = 5, x['d'] = x['e'] = 3;
  return x;
}

/// What a program computes, with the outputs of earlier ones among its inputs.
Interpretation run(const Program &p, const Extents &x, const Arrays &inputs, const MaskFunction &keep) {
  Result<Interpretation> out = interpret(p, x, inputs, keep);
  EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().text());
  return out ? *out : Interpretation();
}

/// The derived program as it is printed.
Program derived(TermContext &terms, const AttentionSpec &spec, const std::string &name) {
  Result<Program> p = deriveProgram(terms, spec, name);
  EXPECT_TRUE(p.has_value()) << (p ? "" : p.error().text());
  if (!p) return Program();
  for (Term t : topologicalOrder(p->roots()))
    if (t->is(TermKind::Input)) EXPECT_THAT(inputsOf(spec, name), testing::Contains(t->name)) << name << " reads it";
  PrintedProgram text = printed(*p);
  EXPECT_TRUE(text.isVerified) << name;
  EXPECT_EQ(text.program.roots(), p->roots()) << name << " is what its text says";
  return text.program;
}

/// Counts what the interpreter executes: the printed program is the counted one.
void expectCounted(const Interpretation &i, const Program &p, const Extents &x) {
  if (x['d'] == x['e']) EXPECT_DOUBLE_EQ(i.matmuls, matmulsOf(p)) << p.name;
}

void checkForward(const Program &p, const Interpretation &got, const ReferenceOutputs &want, const std::string &what,
                  double tolerance) {
  for (const auto &[name, t] : p.outputs) {
    std::vector<double> reference;
    for (Complex c : want.values.at(name)) reference.push_back(c.real());
    if (t->isZero()) {
      EXPECT_THAT(reference, testing::Each(0)) << what << ": " << name << " is a structural zero";
      continue;
    }
    EXPECT_LT(relativeError(got.outputs.at(name).values, reference), tolerance) << what << ": " << name;
  }
}

/// <gradient, direction> against the complex step.
void checkGradients(const AttentionSpec &spec, const Program &p, const Interpretation &got, const Extents &x,
                    const Arrays &inputs, const MaskFunction &keep, std::mt19937 &random, const std::string &what,
                    double tolerance) {
  for (const auto &[name, t] : p.outputs) {
    std::string input = name.substr(1);
    if (t->isZero()) {
      DenseArray direction = randomArray(inputs.at(input).indices, x, random);
      EXPECT_EQ(directionalDerivative(spec, x, inputs, keep, input, direction), 0) << what << ": " << name;
      continue;
    }
    ASSERT_EQ(t->indices, inputs.at(input).indices) << what << ": " << name;
    for (int trial = 0; trial < 2; ++trial) {
      DenseArray direction = randomArray(t->indices, x, random);
      double inner = 0, size = 1e-2;
      const std::vector<double> &gradient = got.outputs.at(name).values;
      for (size_t k = 0; k < gradient.size(); ++k) {
        inner += gradient[k] * direction.values[k];
        size += std::fabs(gradient[k] * direction.values[k]);
      }
      EXPECT_LT(std::fabs(inner - directionalDerivative(spec, x, inputs, keep, input, direction)) / size, tolerance)
          << what << ": " << name;
    }
  }
}

bool allows(const AttentionSpec &spec, const std::string &program) {
  Names programs = programsOf(spec);
  return std::find(programs.begin(), programs.end(), program) != programs.end();
}

void checkSpec(const AttentionSpec &spec, const Extents &x, const MaskFunction &keep, std::mt19937 &random,
               const std::string &what, double tolerance = 1e-12) {
  Arrays inputs = randomInputs(spec, x, random);
  ReferenceOutputs want = evaluateReference(spec, x, inputs, keep);
  TermContext terms;
  for (const char *name : {"forward", "tangent_forward"}) {
    Program p = derived(terms, spec, name);
    Interpretation got = run(p, x, inputs, keep);
    expectCounted(got, p, x);
    checkForward(p, got, want, what + ": " + name, tolerance);
  }
  Program forward = derived(terms, spec, "tangent_forward");
  for (auto &[name, array] : run(forward, x, inputs, keep).outputs) inputs[name] = array;
  if (!allows(spec, "tangent_backward")) return;
  Program backward = derived(terms, spec, "tangent_backward");
  Interpretation got = run(backward, x, inputs, keep);
  expectCounted(got, backward, x);
  checkGradients(spec, backward, got, x, inputs, keep, random, what + ": tangent_backward", tolerance);
  // the primal's backward: the cotangents of o and lse alone
  AttentionSpec primal = spec;
  std::erase_if(primal.cotangents, [](const std::string &y) { return y == "to" || y == "mu"; });
  if (!allows(primal, "backward")) return;
  Program plain = derived(terms, primal, "backward");
  checkGradients(primal, plain, run(plain, x, inputs, keep), x, inputs, keep, random, what + ": backward", tolerance);
}

TEST(Numerics, EveryScoreUnderEveryMask) {
  std::mt19937 random(1);
  for (const auto &[name, spec] : allSpecs())
    for (const auto &[mask, keep] : kMasks) checkSpec(spec, smallExtents(), keep, random, name + ", " + mask);
}

TEST(Numerics, SubsetsOfTangentsCotangentsAndGradients) {
  std::mt19937 random(2);
  auto pick = [&](const Names &from) {
    Names out;
    for (const std::string &x : from)
      if (random() % 5 < 3) out.push_back(x);
    return out;
  };
  std::vector<NamedSpec> specs = allSpecs();
  for (int trial = 0; trial < 30; ++trial) {
    auto [name, spec] = specs[size_t(trial) % specs.size()];
    spec.tangents = pick(spec.tangents);
    if (spec.tangents.empty()) spec.tangents = {"q"};
    spec.cotangents = pick({"o", "to", "lse", "mu"});
    Names gradients = {"q", "k", "v"};
    for (const NamedInput &x : spec.inputs) gradients.push_back(x.name);
    for (const std::string &x : spec.tangents) gradients.push_back("t" + x);
    spec.gradients = pick(gradients);
    checkSpec(spec, smallExtents(), kMasks.at("window with empty rows"), random,
              name + ", subset " + std::to_string(trial));
  }
}

TEST(Numerics, RandomScoresNeedOneSweep) {
  std::mt19937 random(6);
  for (int trial = 0; trial < 40; ++trial) {
    AttentionSpec spec = randomSpec(random, {"q", "k", "v", "bias", "w", "temp"});
    std::string what = "random score " + std::to_string(trial) + ": " + print(spec.score);
    TermContext terms;
    for (const char *name : {"forward", "tangent_forward", "backward", "tangent_backward"}) {
      Program p = derived(terms, spec, name);
      static const std::map<std::string, double> counts = {
          {"forward", 2}, {"tangent_forward", 6}, {"backward", 5}, {"tangent_backward", 15}};
      EXPECT_EQ(costOf(p).sweeps, 1) << what;
      EXPECT_LE(costOf(p).executed, counts.at(name)) << what;
    }
    Extents x = smallExtents();
    x['i'] = 5, x['j'] = 4, x['d'] = x['e'] = 2;
    checkSpec(spec, x, kMasks.at("window with empty rows"), random, what, 1e-10);
  }
}

TEST(Numerics, UnequalHeadDims) {
  std::mt19937 random(3);
  AttentionSpec spec = softcapSpec();
  spec.head_dim_qk = 4, spec.head_dim_v = 6;
  Extents x = smallExtents();
  x['d'] = 4, x['e'] = 6;
  checkSpec(spec, x, kMasks.at("causal"), random, "head dims 4 and 6");
}

/// A bias of -inf masks its entry; nothing of it reaches a gradient as NaN.
TEST(Numerics, InfiniteBiasMasksItsEntry) {
  std::mt19937 random(4);
  AttentionSpec spec = allSpecs()[3].spec;
  Extents x = smallExtents();
  Arrays inputs = randomInputs(spec, x, random);
  MaskFunction keep = [](int, int h, int i, int j) { return (h + i + j) % 2 == 0; };
  TermContext terms;
  Program forward = derived(terms, spec, "tangent_forward"), backward = derived(terms, spec, "tangent_backward");
  auto results = [&](Arrays arrays) {
    Interpretation f = run(forward, x, arrays, keep);
    for (auto &[name, array] : f.outputs) arrays[name] = array;
    return run(backward, x, arrays, keep).outputs;
  };
  Arrays infinite = inputs;
  size_t at = 0;
  for (int h = 0; h < 4; ++h)
    for (int i = 0; i < x['i']; ++i)
      for (int j = 0; j < x['j']; ++j, ++at)
        if (!keep(0, h, i, j)) infinite["bias"].values[at] = -std::numeric_limits<double>::infinity();
  std::map<std::string, DenseArray> want = results(inputs), got = results(infinite);
  for (const auto &[name, array] : want) EXPECT_EQ(got.at(name).values, array.values) << name;
}

TEST(Numerics, MissingInputIsRefusedByName) {
  TermContext terms;
  Program p = derived(terms, plainSpec(), "forward");
  Result<Interpretation> out = interpret(p, smallExtents(), {}, kMasks.at("none"));
  ASSERT_FALSE(out.has_value());
  EXPECT_THAT(out.error().message, testing::HasSubstr("program forward reads"));
}

} // namespace
