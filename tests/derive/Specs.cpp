// The specifications.
#include "tests/derive/Specs.h"

#include <algorithm>

using namespace jvpgen;
using namespace jvpgen::test;

AttentionSpec test::makeSpec(Expr score, std::vector<NamedInput> inputs, Names tangents) {
  AttentionSpec s;
  s.name = "test";
  s.file = "test.toml";
  s.softmax_scale = 0.5;
  s.head_dim_qk = s.head_dim_v = 8;
  s.group = 2;
  s.score = std::move(score);
  s.inputs = std::move(inputs);
  s.tangents = std::move(tangents);
  s.outputs = s.cotangents = {"o", "lse"};
  if (!s.tangents.empty()) s.outputs = s.cotangents = {"o", "to", "lse", "mu"};
  s.gradients = {"q", "k", "v"};
  for (const NamedInput &x : s.inputs) s.gradients.push_back(x.name);
  for (const std::string &x : s.tangents) s.gradients.push_back("t" + x);
  return s;
}

AttentionSpec test::plainSpec(Names tangents) { return makeSpec(var("z"), {}, std::move(tangents)); }

AttentionSpec test::softcapSpec(Names tangents) {
  return makeSpec(num("3") * tanh(var("z") / num("3")), {}, std::move(tangents));
}

std::vector<NamedSpec> test::allSpecs() {
  Expr z = var("z"), b = var("bias");
  Expr distance = var("kv_index") - var("q_index");
  Expr kinks = where(z < num("0.3"), log(num("1") + exp(z)) * var("w"),
                     max(z, b) + abs(z) * sqrt(z * z + num("1")) / (num("2") + b * b));
  return {
      {"plain", plainSpec()},
      {"softcap", softcapSpec()},
      {"bias", makeSpec(z + b, {bias("nrij")}, {"q", "k", "v", "bias"})},
      {"bias in softcap", makeSpec(num("3") * tanh((z + b * b) / num("3")), {bias("nrij")}, {"q", "k", "v", "bias"})},
      {"alibi with temperature", makeSpec(z * var("temp") + var("slope") * distance * num("0.1"),
                                          {headVector("slope"), scalar("temp")}, {"q", "k", "v", "slope", "temp"})},
      {"temperature", makeSpec(z * var("temp"), {scalar("temp")}, {"q", "k", "v", "temp"})},
      {"kinks", makeSpec(kinks, {bias("bij"), headVector("w")}, {"q", "k", "v", "bias", "w"})},
  };
}

static Expr randomScore(std::mt19937 &random, int depth) {
  Expr z = var("z");
  if (depth == 0) {
    std::vector<Expr> leaves = {
        z, z, var("bias"), var("w"), var("temp"), num("1.5"), (var("q_index") - var("kv_index")) * num("0.1")};
    return leaves[random() % leaves.size()];
  }
  Expr a = randomScore(random, depth - 1), b = randomScore(random, random() % 2 ? depth - 1 : 0), one = num("1");
  std::vector<Expr> all = {a + b,
                           a - b,
                           a * test::tanh(b + z),
                           test::tanh(a),
                           test::exp(test::min(a, one) * num("0.3")),
                           test::log(one + test::exp(test::tanh(a))),
                           test::sqrt(one + a * a),
                           test::abs(a + num("0.1")),
                           test::max(a, b - num("0.2")),
                           test::where(a < b, b, z),
                           a / (num("2") + b * b)};
  return all[random() % all.size()];
}

AttentionSpec test::randomSpec(std::mt19937 &random, Names tangents) {
  Expr score = num("1.3") * var("z") + randomScore(random, 3); // which no part of it cancels
  static const char *const indices[] = {"nrij", "bij", "ij", "bnrij"};
  return makeSpec(std::move(score), {bias(indices[random() % 4]), headVector("w"), scalar("temp")},
                  std::move(tangents));
}
