// The number of matrix products of every derived program, and that each needs one sweep per side.
#include "compiler/derive/Adjoint.h"
#include "compiler/derive/Cost.h"
#include "compiler/derive/Derive.h"
#include "compiler/derive/Simplify.h"
#include "compiler/derive/Tangent.h"
#include "compiler/ir/Import.h"
#include "tests/derive/PrintedProgram.h"
#include "tests/derive/Specs.h"

#include <gmock/gmock.h>
#include <set>

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

TEST(Counts, SubsetsOfTangents) {
  struct Case {
    Names tangents;
    double forward, backward;
  };
  for (const Case &c : {Case{{"q"}, 4, 10}, Case{{"k"}, 4, 10}, Case{{"v"}, 3, 7}, Case{{"q", "k"}, 5, 13},
                        Case{{"q", "v"}, 5, 12}, Case{{"k", "v"}, 5, 12}})
    for (const AttentionSpec &spec : {plainSpec(c.tangents), softcapSpec(c.tangents),
                                      makeSpec(var("z") * var("temp"), {scalar("temp")}, c.tangents)}) {
      TermContext terms;
      expectOneSweep(derived(terms, spec, "tangent_forward"), c.forward, testing::PrintToString(c.tangents));
      expectOneSweep(derived(terms, spec, "tangent_backward"), c.backward, testing::PrintToString(c.tangents));
    }
}

TEST(Counts, HessianVectorProduct) {
  AttentionSpec spec = plainSpec();
  spec.cotangents = {"to"};
  spec.gradients = {"q", "k", "v"};
  TermContext terms;
  expectOneSweep(derived(terms, spec, "tangent_backward"), 10, "no cotangent on o");
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
  for (const AttentionSpec &spec : {plainSpec(), softcapSpec()}) {
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

TEST(Counts, ReverseOverReverse) {
  for (const AttentionSpec &spec : {plainSpec(), softcapSpec()}) {
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
