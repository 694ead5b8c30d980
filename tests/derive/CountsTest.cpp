// The number of matrix products of every derived program, and that each needs one sweep per side.
#include "compiler/derive/Adjoint.h"
#include "compiler/derive/Cost.h"
#include "compiler/derive/Derive.h"
#include "compiler/derive/Simplify.h"
#include "compiler/derive/Tangent.h"
#include "compiler/ir/Import.h"
#include "tests/derive/PrintedProgram.h"
#include "tests/derive/Specs.h"

#include <fstream>
#include <gmock/gmock.h>
#include <set>
#include <sstream>

using namespace jvpgen;
using namespace jvpgen::test;

namespace {

/// Saved outputs that a program reads.
std::set<std::string> savedInputs(const Program &p) {
  std::set<std::string> out;
  for (Term t : topologicalOrder(p.roots()))
    if (t->is(TermKind::Input) && t->inputKind == InputKind::Saved) out.insert(t->name);
  return out;
}

AttentionSpec readExample(const std::string &name) {
  std::string file = "examples/specs/" + name + ".toml";
  std::ifstream stream(std::string(JVPGEN_SOURCE_DIR) + "/" + file);
  std::stringstream text;
  text << stream.rdbuf();
  Result<AttentionSpec> spec = parseSpec(text.str(), file);
  EXPECT_TRUE(spec.has_value()) << (spec ? "" : spec.error().text());
  return spec ? *spec : AttentionSpec();
}

Program derived(TermContext &terms, const AttentionSpec &spec, const std::string &name) {
  Result<Program> p = deriveProgram(terms, spec, name);
  EXPECT_TRUE(p.has_value()) << (p ? "" : p.error().text());
  return p ? *p : Program();
}

/// The printed program has so many products and executes each of them once, in one sweep per side with no pass over
/// the keys before it; it reads no other saved state.
void expectOneSweep(const Program &derived, double products, const std::string &what,
                    const std::set<std::string> &mayRead = {"lse", "mu", "o", "to"}) {
  PrintedProgram text = printed(derived);
  EXPECT_TRUE(text.isVerified) << what;
  EXPECT_DOUBLE_EQ(text.matmuls, products) << what;
  Cost cost = costOf(text.program);
  EXPECT_DOUBLE_EQ(cost.executed, products) << what;
  EXPECT_EQ(cost.sweeps, 1) << what;
  for (const std::string &s : savedInputs(text.program)) EXPECT_THAT(mayRead, testing::Contains(s)) << what;
}

TEST(Counts, FourProgramsOfEveryScore) {
  for (const auto &[name, spec] : allSpecs()) {
    TermContext terms;
    expectOneSweep(derived(terms, spec, "forward"), 2, name + ": forward");
    expectOneSweep(derived(terms, spec, "tangent_forward"), 6, name + ": tangent forward");
    expectOneSweep(derived(terms, spec, "backward"), 5, name + ": backward");
    expectOneSweep(derived(terms, spec, "tangent_backward"), 15, name + ": tangent backward");
  }
}

/// Tangents, and the products of the tangent forward and of the tangent backward with gradients for the primals and
/// for the tangents present.
struct Subset {
  Names tangents;
  double forward, backward;
};
const Subset kSubsets[] = {{{"q"}, 4, 10},      {{"k"}, 4, 10},      {{"v"}, 3, 7},
                           {{"q", "k"}, 5, 13}, {{"q", "v"}, 5, 12}, {{"k", "v"}, 5, 12}};

TEST(Counts, SubsetsOfTangents) {
  for (const auto &[tangents, forward, backward] : kSubsets)
    for (NamedSpec s : allSpecs()) {
      SCOPED_TRACE(s.name + " " + testing::PrintToString(tangents));
      AttentionSpec spec = makeSpec(s.spec.score, s.spec.inputs, tangents);
      TermContext terms;
      expectOneSweep(derived(terms, spec, "tangent_forward"), forward, "forward");
      expectOneSweep(derived(terms, spec, "tangent_backward"), backward, "backward");
    }
}

TEST(Counts, NoScoreCostsMore) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 30; ++trial) {
    const auto &[tangents, forward, backward] = kSubsets[trial % 6];
    AttentionSpec spec = randomSpec(random, tangents);
    SCOPED_TRACE(print(spec.score) + " " + testing::PrintToString(tangents));
    for (const auto &[name, most] :
         {std::pair("forward", 2.0), {"tangent_forward", forward}, {"backward", 5.0}, {"tangent_backward", backward}}) {
      TermContext terms;
      Program p = derived(terms, spec, name);
      EXPECT_LE(printed(p).matmuls, most) << name;
      EXPECT_LE(costOf(p).executed, most) << name;
      EXPECT_EQ(costOf(p).sweeps, 1) << name;
      for (const std::string &saved : savedInputs(p))
        EXPECT_THAT(Names({"lse", "mu", "o", "to"}), testing::Contains(saved)) << name;
    }
  }
}

TEST(Counts, ShippedExamples) {
  struct Example {
    const char *name;
    double tangentForward, tangentBackward;
  };
  for (const auto &[name, tangentForward, tangentBackward] :
       {Example{"plain", 6, 15}, Example{"causal", 6, 15}, Example{"softcap", 6, 15}, Example{"alibi", 6, 15},
        Example{"window_softcap", 6, 15}, Example{"relative_bias", 6, 15}, Example{"cross_q_tangent", 4, 10},
        Example{"packed_documents", 6, 15}, Example{"hvp", 6, 10}, Example{"temperature", 6, 15}}) {
    AttentionSpec spec = readExample(name);
    std::map<std::string, double> counts = {
        {"forward", 2}, {"tangent_forward", tangentForward}, {"backward", 5}, {"tangent_backward", tangentBackward}};
    for (const std::string &program : programsOf(spec)) {
      TermContext terms;
      expectOneSweep(derived(terms, spec, program), counts.at(program), std::string(name) + ": " + program);
    }
  }
}

TEST(Counts, HessianVectorProduct) {
  for (auto [name, spec] : allSpecs())
    for (const Names &cotangents : {Names{"to"}, Names{"to", "lse", "mu"}}) {
      spec.cotangents = cotangents, spec.gradients = {"q", "k", "v"};
      TermContext terms;
      expectOneSweep(derived(terms, spec, "tangent_backward"), 10, name + ": no cotangent on o");
    }
}

TEST(Counts, UnequalHeadDims) {
  AttentionSpec spec = softcapSpec();
  spec.head_dim_qk = 4, spec.head_dim_v = 6;
  TermContext terms;
  expectOneSweep(derived(terms, spec, "tangent_forward"), 3 + 3 * 1.5, "forward");
  expectOneSweep(derived(terms, spec, "tangent_backward"), 9 + 6 * 1.5, "backward");
}

TEST(Counts, TwoTangentsAtOnce) {
  for (const auto &[name, spec] : allSpecs()) {
    TermContext terms;
    auto along = [&](const char *program) { return *deriveAlong(terms, spec, program, {"t", "t2"}); };
    expectOneSweep(along("tangent_forward"), 10, name + ": forward");
    expectOneSweep(along("tangent_backward"), 25, name + ": backward", {"lse", "mu", "mu2", "o", "to", "t2o"});
  }
}

TEST(Counts, DirectionsThatCannotBeNamedAreRefused) {
  TermContext terms;
  AttentionSpec spec = makeSpec(var("z") * var("t2q"), {scalar("t2q")}, {"q"});
  auto refusal = [&](std::vector<std::string> directions) {
    Result<Program> p = deriveAlong(terms, spec, "tangent_forward", directions);
    return p ? "" : p.error().message;
  };
  EXPECT_EQ(refusal({"t", "t3"}), "");
  EXPECT_THAT(refusal({"t", "t2"}), testing::HasSubstr("test has an input \"t2q\" of its own; rename it"));
  EXPECT_THAT(refusal({"t", "t"}), testing::HasSubstr("directions are distinct"));
  EXPECT_THAT(refusal({"t", "u"}), testing::HasSubstr("each is \"t\" or \"t\" with a number"));
}

/// The backward of a primal with cotangent on o alone, and the tangent forward whose outputs are saved.
struct SecondOrder {
  TermContext terms;
  Program forward, tangentForward, backward;

  explicit SecondOrder(const AttentionSpec &spec) {
    forward = *importForward(terms, spec);
    tangentForward = addTangents(forward, {"q", "k", "v"});
    backward = gradientProgram(forward, {"o"}, {"q", "k", "v"});
  }
};

TEST(Counts, ForwardOverReverse) {
  for (const auto &[name, spec] : allSpecs()) {
    SCOPED_TRACE(name);
    SecondOrder s(spec);
    std::map<Term, Term> seed;
    for (const char *x : {"q", "k", "v"}) seed[s.forward.input(x)] = s.tangentForward.input(std::string("t") + x);
    Term cotangent = s.backward.input("do");
    seed[cotangent] = s.terms.input("tdo", cotangent->indices, InputKind::Cotangent);
    Program p = s.backward;
    for (Term t : tangentOf(s.backward.roots(), seed)) p.outputs.push_back({"t" + std::to_string(p.outputs.size()), t});
    SavedEquations saved(s.tangentForward, savedOrder(s.tangentForward));
    expectOneSweep(simplify(p, &saved), 15, "forward over reverse");
  }
}

// Where z reaches the score by one path: the adjoint of the adjoint sums over each path by itself, which the saved
// equations, learned from a tangent that has all of them in one letter, do not know.
TEST(Counts, ReverseOverReverse) {
  for (const auto &[name, spec] : allSpecs()) {
    if (name == "kinks") continue;
    SCOPED_TRACE(name);
    SecondOrder s(spec);
    std::vector<std::pair<Term, Term>> roots;
    for (const char *x : {"q", "k", "v"})
      roots.push_back({s.backward.output(std::string("d") + x), s.tangentForward.input(std::string("t") + x)});
    Names names = {"q", "k", "v"};
    std::vector<Term> wanted = {s.backward.input("do")};
    for (const std::string &x : names) wanted.push_back(s.forward.input(x));
    Program p = s.backward;
    p.outputs.clear();
    for (Term g : adjointOf(roots, wanted)) p.outputs.push_back({"g" + std::to_string(p.outputs.size()), g});
    SavedEquations saved(s.tangentForward, savedOrder(s.tangentForward));
    Program simplified = simplify(p, &saved);
    expectOneSweep(simplified, 10, "reverse over reverse");
    EXPECT_EQ(print(simplified.outputs[0].second), "to") << "the gradient towards do is the tangent forward itself";
  }
}

TEST(Counts, TangentForwardInTwoPasses) {
  for (const auto &[name, spec] : allSpecs()) {
    TermContext terms;
    std::vector<Program> passes = *deriveTwoPasses(terms, spec);
    expectOneSweep(passes[0], 2, name + ": pass one");
    expectOneSweep(passes[1], 5, name + ": pass two", {"lse", "o"});
  }
}

// L f = D f[L x] + sum_i D2 f[t_i x, t_i x]: the tangent of the tangent, no rule of its own.
TEST(Counts, ForwardLaplacian) {
  for (int n : {1, 2}) {
    TermContext terms;
    Program first = *importForward(terms, plainSpec());
    std::vector<Summand> total;
    Names saved = {"lse", "o"};
    for (int k = 0; k < n; ++k) {
      std::string direction = "t" + (k ? std::to_string(k + 1) : "");
      first = addTangents(first, {"q", "k", "v"}, direction);
      std::map<Term, Term> seed;
      for (const char *x : {"q", "k", "v"}) {
        seed[first.input(x)] = first.input(direction + x);
        if (k == 0)
          seed[first.input(direction + x)] =
              terms.input(std::string("L") + x, first.input(x)->indices, InputKind::Tangent);
      }
      total.push_back({tangentOf({first.output(direction + "o")}, seed)[0], Rational(1)});
      saved.push_back("mu" + direction.substr(1));
    }
    Program laplacian = first;
    laplacian.outputs = {{"Lo", terms.lin(total)}};
    SavedEquations equations(first, saved);
    expectOneSweep(simplify(laplacian, &equations), 5 + 4 * n, "Laplacian", {saved.begin(), saved.end()});
  }
}

TEST(Counts, OneStoredTileForEachBiasGradient) {
  for (const char *indices : {"bij", "nrij", "ij"})
    for (const auto &[name, spec] : allSpecs()) {
      if (!spec.input("bias")) continue;
      AttentionSpec broadcast = spec;
      for (NamedInput &x : broadcast.inputs)
        if (x.name == "bias") x.indices = indices;
      TermContext terms;
      EXPECT_LE(costOf(derived(terms, broadcast, "backward")).storedTiles, 1) << name << " " << indices;
      Program p = derived(terms, broadcast, "tangent_backward");
      EXPECT_LE(costOf(p).storedTiles, 2) << name << " " << indices;
      expectOneSweep(p, 15, name);
    }
}

TEST(Counts, AbsentCotangentsAndGradientsCostNothing) {
  AttentionSpec spec = plainSpec();
  spec.gradients = {"v", "tv"};
  TermContext terms;
  // S 1, tS 2, dV 2, dtV 1
  expectOneSweep(derived(terms, spec, "tangent_backward"), 6, "values alone");
  spec.cotangents = {"mu"};
  spec.gradients = {"tq"};
  // S 1, dtQ 1
  expectOneSweep(derived(terms, spec, "tangent_backward"), 2, "mu alone");
}

} // namespace
