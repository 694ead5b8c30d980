// Variants of programs of every kind: values, products executed, tiles handed over.
#include "tests/plan/Harness.h"

#include "compiler/derive/Adjoint.h"
#include "compiler/derive/Derive.h"
#include "compiler/derive/Simplify.h"
#include "compiler/derive/Tangent.h"
#include "compiler/ir/Declarations.h"
#include "compiler/ir/Import.h"
#include "compiler/plan/PlanStats.h"
#include "mlir/IR/Verifier.h"
#include "tests/derive/Specs.h"
#include <gmock/gmock.h>

using namespace jvpgen;
using namespace jvpgen::test;
using testing::Pair;
using testing::UnorderedElementsAre;

namespace {
/// A specification's module, and its programs planned and run one after another.
class Variants : public testing::Test {
protected:
  mlir::MLIRContext context;
  TermContext terms;
  PlanSetting setting = smallSetting();
  AttentionSpec spec;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Arrays arrays;

  void declare(AttentionSpec given, const std::string &mask) {
    spec = std::move(given);
    Result<Expr> predicate = mask.empty() ? Result<Expr>(Expr()) : parseMask(mask);
    ASSERT_TRUE(predicate) << predicate.error().text();
    if (!mask.empty()) spec.mask = *predicate;
    module = declareModule(context, spec);
    arrays.clear();
  }

  /// The mask of a specification that has it alone.
  static Result<Expr> parseMask(const std::string &mask) {
    Result<AttentionSpec> s =
        parseSpec("name = \"m\"\nhead_dim_qk = 8\nhead_dim_v = 8\nmask = \"" + mask + "\"\n", "m.toml");
    if (!s) return tl::unexpected(s.error());
    return *s->mask;
  }

  /// Plans a program, runs every variant, keeps its outputs as saved values; products executed by variant.
  std::map<std::string, double> run(const Program &program) {
    Result<Plans> plans = planProgram(*module, program);
    if (!plans) {
      ADD_FAILURE() << program.name << ": " << plans.error().text();
      return {};
    }
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
    fillInputs(arrays, program, spec, setting);
    Arrays want = upperValues(*module, program, setting, arrays);
    Arrays given = withNaNPadding(arrays, program, setting);
    std::map<std::string, double> executed;
    for (attn::PlanOp plan : plans->plans) {
      expectPlan(plan, program, setting, given, want);
      executed[plan.getVariant().str()] = statsOf(plan, {1, 1}).executed();
    }
    arrays.insert(want.begin(), want.end());
    last = *plans;
    return executed;
  }

  std::map<std::string, double> run(const std::string &name) {
    Result<Program> program = deriveProgram(terms, spec, name);
    if (!program) {
      ADD_FAILURE() << name << ": " << program.error().text();
      return {};
    }
    return run(*program);
  }

  attn::PlanOp variant(const std::string &name) const {
    for (attn::PlanOp plan : last.plans)
      if (plan.getVariant() == name) return plan;
    return nullptr;
  }

  Plans last; ///< of the last program
};

const char *const kWindow = "kv_index <= q_index - 4 && q_index - kv_index < 11"; // leaves empty rows
} // namespace

TEST_F(Variants, ProductsOfThePlainPrograms) {
  declare(plainSpec(), "kv_index <= q_index");
  EXPECT_THAT(run("forward"), UnorderedElementsAre(Pair("row", 2)));
  EXPECT_THAT(run("tangent_forward"), UnorderedElementsAre(Pair("row", 6)));
  EXPECT_THAT(run("backward"), UnorderedElementsAre(Pair("row+col split", 7), Pair("row+col", 7), Pair("fused", 5)));
  EXPECT_THAT(run("tangent_backward"), UnorderedElementsAre(Pair("row+col split", 21), Pair("row+col", 21),
                                                            Pair("by output group", 23), Pair("fused", 15)));
  EXPECT_EQ(last.plans.front().getVariant(), "row+col split");
}

TEST_F(Variants, EveryScoreUnderAWindowWithEmptyRows) {
  for (const auto &[name, s] : allSpecs()) {
    SCOPED_TRACE(name);
    declare(s, kWindow);
    run("forward");
    EXPECT_EQ(run("tangent_forward")["row"], 6);
    run("backward");
    EXPECT_EQ(run("tangent_backward")["row+col split"], 21);
    EXPECT_EQ(statsOf(variant("row+col split"), {1, 1}).sweeps[1].exports, 2);
  }
}

// Many paths from z, bias and a scalar to the score; planning must not open them.
TEST_F(Variants, DeepScore) {
  Expr score = var("z") + var("bias");
  for (int depth = 0; depth < 6; ++depth)
    score = test::tanh(test::exp(test::log(num("2") + test::tanh(score + var("a") * var("z")))));
  declare(makeSpec(var("z") + score, {bias("nrij"), scalar("a")}, {"q", "k", "v", "bias", "a"}), kWindow);
  EXPECT_EQ(run("tangent_forward")["row"], 6);
  EXPECT_EQ(run("tangent_backward")["fused"], 15);
}

TEST_F(Variants, PaddedSequencesWithNaNInThePadding) {
  setting = paddedSetting();
  for (const auto &[name, s] : allSpecs()) {
    SCOPED_TRACE(name);
    declare(s, "kv_index <= q_index + kv_length - q_length");
    for (const char *program : {"forward", "tangent_forward", "backward", "tangent_backward"}) run(program);
  }
}

// Products of the tangent backward: S; tS = tQ K + Q tK; A = H V; B = G V + H tV are scores, and each sweep of row+col
// executes them: what a tangent adds to them counts twice there, once in fused.
//   dQ = dz K + dtz tK, dtQ = dtz K; dK = dz Q + dtz tQ, dtK = dtz Q; dV = P G + T H, dtV = P H
// Without tS there is no T and no A: tangents on values alone have the scores S, B and one product for each gradient.
TEST_F(Variants, SubsetsOfTangents) {
  struct Case {
    Names tangents;
    double forward, scores, gradients;
  };
  for (const Case &c : {Case{{"q"}, 4, 4, 6}, Case{{"k"}, 4, 4, 6}, Case{{"v"}, 3, 3, 4}, Case{{"q", "k"}, 5, 5, 8},
                        Case{{"q", "v"}, 5, 5, 7}, Case{{"k", "v"}, 5, 5, 7}}) {
    SCOPED_TRACE(testing::PrintToString(c.tangents));
    declare(softcapSpec(c.tangents), kWindow);
    EXPECT_EQ(run("tangent_forward")["row"], c.forward);
    std::map<std::string, double> executed = run("tangent_backward");
    EXPECT_EQ(executed["fused"], c.scores + c.gradients);
    EXPECT_EQ(executed["row+col"], 2 * c.scores + c.gradients);
  }
}

TEST_F(Variants, TwoTangentsAtOnce) {
  declare(softcapSpec(), kWindow);
  auto along = [&](const char *name) { return *deriveAlong(terms, spec, name, {"t", "t2"}); };
  EXPECT_THAT(run(along("tangent_forward")), UnorderedElementsAre(Pair("row", 10)));
  EXPECT_EQ(run(along("tangent_backward"))["fused"], 25);
  EXPECT_EQ(statsOf(variant("row+col split"), {1, 1}).sweeps[1].exports, 3);
}

// The second pass does not accumulate P V; T is centred before it is packed all the same, since o is that sum.
TEST_F(Variants, TangentForwardInTwoPasses) {
  for (const auto &[name, s] : allSpecs()) {
    SCOPED_TRACE(name);
    declare(s, kWindow);
    std::vector<Program> passes = *deriveTwoPasses(terms, spec);
    attn::PlanOp plan = *planPasses(*module, "tangent_forward", passes);
    Program whole = *deriveProgram(terms, spec, "tangent_forward");
    fillInputs(arrays, whole, spec, setting);
    expectPlan(plan, whole, setting, arrays, upperValues(*module, whole, setting, arrays));
    EXPECT_EQ(statsOf(plan, {1, 1}).executed(), 7);
    unsigned shifts = 0;
    plan.walk([&](attn::ShiftOp) { ++shifts; });
    EXPECT_EQ(shifts, 1u);
  }
}

// dq and dtq share P K, and neither takes a multiple of the other away: no row is centred, which would cost a product.
TEST_F(Variants, WithoutCotangentsOfOutputs) {
  declare(plainSpec({"q", "k"}), kWindow);
  spec.cotangents = {"lse", "mu"};
  run("tangent_forward");
  const std::map<std::string, double> executed = run("tangent_backward");
  EXPECT_EQ(executed.at("row+col"), 3 + 3 + 3 + 3); // scores and gradients of each side
  unsigned shifts = 0;
  variant("row+col").walk([&](attn::ShiftOp) { ++shifts; });
  EXPECT_EQ(shifts, 0u);
}

TEST_F(Variants, ReverseOverReverse) {
  declare(softcapSpec(), kWindow);
  Program forward = *importForward(terms, spec), tangents = addTangents(forward, {"q", "k", "v"});
  tangents.name = "tangent_forward";
  run(simplify(tangents));
  Program backward = gradientProgram(forward, {"o"}, {"q", "k", "v"});
  std::vector<std::pair<Term, Term>> roots;
  for (const char *x : {"q", "k", "v"})
    roots.push_back({backward.output(std::string("d") + x), tangents.input(std::string("t") + x)});
  std::vector<Term> wanted = {backward.input("do")};
  for (const char *x : {"q", "k", "v"}) wanted.push_back(forward.input(x));
  Program second = backward;
  second.name = "second", second.outputs.clear();
  for (Term g : adjointOf(roots, wanted)) second.outputs.push_back({"g" + std::to_string(second.outputs.size()), g});
  SavedEquations saved(tangents, savedOrder(tangents));
  EXPECT_EQ(run(simplify(second, &saved))["fused"], 10);
}

TEST_F(Variants, BiasesOfEveryBroadcast) {
  for (const char *indices : {"bnrij", "nrij", "bij", "ij", "bnri", "nri", "bnrj", "nrj", "bj", "j", "bnr", "i"}) {
    SCOPED_TRACE(indices);
    NamedInput b = bias(indices);
    declare(makeSpec(var("z") + var("bias") * num("0.5"), {b}, {"q", "bias"}), kWindow);
    run("tangent_forward");
    run("tangent_backward");
  }
}

// S = q k + bias and its tangent are added up once: 2 sums, maximum, 2 differences from the row's references, exp,
// product, 2 reductions.
TEST_F(Variants, TheMaximumAndTheWeightReadOneScore) {
  declare(makeSpec(var("z") + var("bias"), {bias("nrij")}, {"q", "k", "v", "bias"}), "");
  run("tangent_forward");
  EXPECT_EQ(statsOf(variant("row"), {1, 1}).pointwise(), 9);
}

TEST_F(Variants, AccumulatorsOfAFullBiasAreItsGradients) {
  declare(makeSpec(var("z") + var("bias"), {bias("bnrij")}, {"q", "k", "v", "bias"}), "");
  run("tangent_forward");
  run("tangent_backward");
  std::vector<std::string> outputs;
  variant("row+col").walk([&](attn::AccumulatorOp a) {
    if (a.getPlace() == "tile") outputs.push_back(a.getOutput()->str());
  });
  EXPECT_THAT(outputs, UnorderedElementsAre("dbias", "dtbias"));
}

TEST_F(Variants, SingleGradients) {
  for (const char *gradient : {"q", "k", "v", "tk", "temp", "ttemp"}) {
    SCOPED_TRACE(gradient);
    AttentionSpec s = makeSpec(var("z") * var("temp"), {scalar("temp")}, {"k", "temp"});
    s.gradients = {gradient};
    declare(s, kWindow);
    run("tangent_forward");
    run("tangent_backward");
  }
}
