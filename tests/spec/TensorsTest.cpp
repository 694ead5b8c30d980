#include "compiler/spec/AttentionSpec.h"
#include <gtest/gtest.h>

using namespace jvpgen;
using Names = std::vector<std::string>;

static AttentionSpec parsed(std::string_view toml) {
  auto spec = parseSpec(toml, "test.toml");
  EXPECT_TRUE(spec) << spec.error().text();
  return spec ? *spec : AttentionSpec();
}

static const char *const rich =
    "dtype = 'f16'\noutput_dtype = 'bf16'\ngradient_dtype = 'f32'\nlayout = 'padded'\n"
    "bias = { dims = ['heads', 'q', 'kv'], dtype = 'bf16' }\nmask_tensor = { dims = ['batch', 'kv'] }\n"
    "scalars = ['temperature']\nquery_vectors = ['q_doc']\nint_scalars = ['limit']\n"
    "score = 'z * temperature'\nmask = 'q_doc < limit'\ntangents = ['q', 'bias', 'temperature']\n";

TEST(Tensors, HaveIndices) {
  AttentionSpec spec = parsed(rich);
  const std::pair<const char *, const char *> expected[] = {
      {"q", "bnrid"},  {"tq", "bnrid"},     {"dq", "bnrid"},      {"dtq", "bnrid"},  {"k", "bnjd"},
      {"dtk", "bnjd"}, {"v", "bnje"},       {"dv", "bnje"},       {"o", "bnrie"},    {"to", "bnrie"},
      {"do", "bnrie"}, {"dto", "bnrie"},    {"lse", "bnri"},      {"mu", "bnri"},    {"dlse", "bnri"},
      {"dmu", "bnri"}, {"bias", "nrij"},    {"dtbias", "nrij"},   {"mask", "bj"},    {"q_doc", "bi"},
      {"limit", ""},   {"temperature", ""}, {"ttemperature", ""}, {"q_lengths", "b"}};
  for (auto [tensor, indices] : expected) {
    EXPECT_TRUE(isTensor(spec, tensor)) << tensor;
    EXPECT_EQ(indicesOf(spec, tensor), indices) << tensor;
  }
  for (const char *unknown : {"", "x", "tmask", "dlimit", "tto", "emperature", "dq_doc"})
    EXPECT_FALSE(isTensor(spec, unknown)) << unknown;
}

TEST(Tensors, HaveTypes) {
  AttentionSpec spec = parsed(rich);
  for (const char *x : {"q", "tq", "k", "tk", "v", "tv", "do", "dto"}) EXPECT_EQ(dtypeOf(spec, x), DType::F16) << x;
  for (const char *x : {"o", "to", "bias", "tbias"}) EXPECT_EQ(dtypeOf(spec, x), DType::BF16) << x;
  for (const char *x : {"lse", "mu", "dlse", "dmu", "dq", "dtv", "dbias", "dtbias", "temperature", "dttemperature"})
    EXPECT_EQ(dtypeOf(spec, x), DType::F32) << x;
  for (const char *x : {"q_doc", "limit", "q_lengths", "kv_offsets"}) EXPECT_EQ(dtypeOf(spec, x), DType::I32) << x;
  EXPECT_EQ(dtypeOf(spec, "mask"), DType::I8);
}

TEST(Tensors, NameOfAnInputComesBeforeItsReadingAsTangent) {
  AttentionSpec spec = parsed("scalars = ['tau', 'x']\nscore = 'z * tau * x'\ntangents = ['tau']\ndtype = 'f16'\n");
  EXPECT_EQ(dtypeOf(spec, "tau"), DType::F32);
  EXPECT_EQ(outputsOf(spec, "backward"), (Names{"dq", "dk", "dv", "dtau"}));
  EXPECT_EQ(outputsOf(spec, "tangent_backward"), (Names{"dq", "dk", "dv", "dtau", "dttau"}));
}

TEST(Tensors, OfEachProgram) {
  AttentionSpec spec = parsed(rich);
  EXPECT_EQ(programsOf(spec), (Names{"forward", "tangent_forward", "backward", "tangent_backward"}));
  Names primal = {"q", "k", "v", "bias", "mask", "temperature", "q_doc", "limit", "q_lengths", "kv_lengths"};
  EXPECT_EQ(inputsOf(spec, "forward"), primal);
  EXPECT_EQ(outputsOf(spec, "forward"), (Names{"o", "lse"}));
  Names tangent = primal;
  tangent.insert(tangent.end(), {"tq", "tbias", "ttemperature"});
  EXPECT_EQ(inputsOf(spec, "tangent_forward"), tangent);
  EXPECT_EQ(outputsOf(spec, "tangent_forward"), (Names{"o", "to", "lse", "mu"}));
  Names backward = primal;
  backward.insert(backward.end(), {"o", "lse", "do", "dlse"});
  EXPECT_EQ(inputsOf(spec, "backward"), backward);
  EXPECT_EQ(outputsOf(spec, "backward"), (Names{"dq", "dk", "dv", "dbias", "dtemperature"}));
  Names both = tangent;
  both.insert(both.end(), {"o", "to", "lse", "mu", "do", "dto", "dlse", "dmu"});
  EXPECT_EQ(inputsOf(spec, "tangent_backward"), both);
  EXPECT_EQ(outputsOf(spec, "tangent_backward"),
            (Names{"dq", "dk", "dv", "dbias", "dtemperature", "dtq", "dtbias", "dttemperature"}));
}

TEST(Tensors, ProgramsFollowTheSubsets) {
  EXPECT_EQ(programsOf(parsed("tangents = []")), (Names{"forward", "backward"}));
  EXPECT_EQ(programsOf(parsed("gradients = []")), (Names{"forward", "tangent_forward"}));
  EXPECT_EQ(programsOf(parsed("cotangents = ['to']\ngradients = ['q', 'k', 'v']")),
            (Names{"forward", "tangent_forward", "tangent_backward"}));
  EXPECT_EQ(programsOf(parsed("outputs = ['to']\ngradients = []")), (Names{"tangent_forward"}));
  EXPECT_EQ(programsOf(parsed("outputs = []")), (Names{"backward", "tangent_backward"}));
  EXPECT_EQ(inputsOf(parsed("layout = 'packed'"), "forward"), (Names{"q", "k", "v", "q_offsets", "kv_offsets"}));
}
