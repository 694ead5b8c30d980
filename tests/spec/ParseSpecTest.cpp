#include "compiler/spec/AttentionSpec.h"
#include "tests/spec/TextFile.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace jvpgen;
using Names = std::vector<std::string>;

static AttentionSpec parsed(std::string_view toml) {
  auto spec = parseSpec(toml, "specs/my_spec.toml");
  EXPECT_TRUE(spec) << spec.error().text();
  return spec ? *spec : AttentionSpec();
}

static std::string maskOf(std::string_view toml) {
  AttentionSpec spec = parsed(toml);
  return spec.mask ? print(*spec.mask) : "";
}

TEST(ParseSpec, EveryExampleParsesAndPrintsToItself) {
  Names names;
  for (const auto &path : test::filesIn("examples/specs")) {
    auto spec = parseSpec(test::readFile(path), path.filename().string());
    ASSERT_TRUE(spec) << spec.error().text();
    EXPECT_EQ(spec->name, path.stem().string());
    EXPECT_EQ(print(parsed(print(*spec))), print(*spec));
    names.push_back(spec->name);
  }
  for (const char *shipped : {"plain", "causal", "softcap", "alibi", "window_softcap", "relative_bias",
                              "cross_q_tangent", "packed_documents", "hvp", "temperature"})
    EXPECT_NE(std::find(names.begin(), names.end(), shipped), names.end()) << shipped;
}

TEST(ParseSpec, EmptyFileIsPlainAttention) {
  AttentionSpec spec = parsed("");
  EXPECT_EQ(spec.name, "my_spec");
  EXPECT_EQ(spec.dtype, DType::BF16);
  EXPECT_EQ(spec.output_dtype, DType::BF16);
  EXPECT_EQ(spec.gradient_dtype, DType::BF16);
  EXPECT_EQ(spec.head_dim_qk, 64);
  EXPECT_EQ(spec.head_dim_v, 64);
  EXPECT_EQ(spec.group, 1);
  EXPECT_EQ(spec.softmax_scale, 0.125);
  EXPECT_EQ(spec.layout, Layout::Dense);
  EXPECT_EQ(print(spec.score), "z");
  EXPECT_FALSE(spec.mask);
  EXPECT_EQ(spec.tangents, (Names{"q", "k", "v"}));
  EXPECT_EQ(spec.outputs, (Names{"o", "to", "lse", "mu"}));
  EXPECT_EQ(spec.cotangents, (Names{"o", "to", "lse", "mu"}));
  EXPECT_EQ(spec.gradients, (Names{"q", "k", "v", "tq", "tk", "tv"}));
}

TEST(ParseSpec, EmptyPathNamesTheSpecification) { EXPECT_EQ(parseSpec("", "")->name, "attention"); }

TEST(ParseSpec, TypesFollowTheInputsUnlessGiven) {
  AttentionSpec spec = parsed("dtype = 'f16'\ngradient_dtype = 'f32'\nbias = { dims = ['q', 'kv'] }");
  EXPECT_EQ(spec.output_dtype, DType::F16);
  EXPECT_EQ(spec.gradient_dtype, DType::F32);
  EXPECT_EQ(spec.input("bias")->dtype, DType::F16);
  EXPECT_TRUE(parsed("dtype = 'f32'").three_xtf32);
  EXPECT_FALSE(parsed("dtype = 'f32'\nprecision = 'tf32'").three_xtf32);
}

TEST(ParseSpec, HeadDimensionsMayDiffer) {
  AttentionSpec spec = parsed("head_dim_qk = 192\nhead_dim_v = 128\ngroup = 8");
  EXPECT_EQ(spec.head_dim_qk, 192);
  EXPECT_EQ(spec.head_dim_v, 128);
  EXPECT_EQ(spec.group, 8);
  EXPECT_DOUBLE_EQ(spec.softmax_scale, 1 / std::sqrt(192.0));
  EXPECT_EQ(parsed("head_dim_qk = 96").head_dim_v, 96);
  EXPECT_EQ(parsed("softmax_scale = 1").softmax_scale, 1.0);
}

TEST(ParseSpec, CausalAndWindowAreTermsOfTheMask) {
  EXPECT_EQ(maskOf("causal = 'none'"), "");
  EXPECT_EQ(maskOf("window = [-1, -1]"), "");
  EXPECT_EQ(maskOf("causal = 'top_left'"), "kv_index <= q_index");
  EXPECT_EQ(maskOf("causal = 'bottom_right'"), "kv_index <= q_index + (kv_length - q_length)");
  EXPECT_EQ(maskOf("window = [128, 0]"), "kv_index >= q_index - 128 && kv_index <= q_index");
  EXPECT_EQ(maskOf("window = [-1, 4]"), "kv_index <= q_index + 4");
  EXPECT_EQ(maskOf("causal = 'bottom_right'\nwindow = [3, -1]"),
            "kv_index <= q_index + (kv_length - q_length) && kv_index >= q_index + (kv_length - q_length) - 3");
  EXPECT_EQ(maskOf("causal = 'top_left'\nmask = 'head < 2 || kv_index > 4'"),
            "kv_index <= q_index && (head < 2 || kv_index > 4)");
}

TEST(ParseSpec, BiasIsAddedUnlessTheScoreNamesIt) {
  const std::string bias = "bias = { dims = ['batch', 'heads', 'q', 'kv'], dtype = 'f32' }\n";
  EXPECT_EQ(print(parsed(bias).score), "z + bias");
  EXPECT_EQ(print(parsed(bias + "score = '5 * tanh(z / 5)'").score), "5 * tanh(z / 5) + bias");
  EXPECT_EQ(print(parsed(bias + "score = '5 * tanh((z + bias) / 5)'").score), "5 * tanh((z + bias) / 5)");
  EXPECT_EQ(parsed(bias).input("bias")->indices, "bnrij");
}

TEST(ParseSpec, InputsKeepTheOrderOfTheFile) {
  AttentionSpec spec =
      parsed("int_scalars = ['limit']\nkv_vectors = ['kv_doc']\nhead_vectors = ['slope', 'gain']\n"
             "mask_tensor = { dims = ['batch', 'kv'] }\nscalars = ['temperature']\nquery_vectors = ['q_doc']\n"
             "score = 'z * gain * temperature - slope'\nmask = 'q_doc == kv_doc && kv_index < limit'\n"
             "bias = { dims = ['heads', 'kv'] }");
  Names names, indices;
  for (const NamedInput &input : spec.inputs) names.push_back(input.name), indices.push_back(input.indices);
  EXPECT_EQ(names, (Names{"limit", "kv_doc", "slope", "gain", "mask", "temperature", "q_doc", "bias"}));
  EXPECT_EQ(indices, (Names{"", "bj", "nr", "nr", "bj", "", "bi", "nrj"}));
  EXPECT_EQ(print(parsed(print(spec))), print(spec));
}

TEST(ParseSpec, TablesMayBeWrittenInFull) {
  AttentionSpec spec = parsed("tangents = ['q', 'bias']\n[bias]\ndims = ['heads', 'q', 'kv']\ndtype = 'f16'\n");
  EXPECT_EQ(spec.input("bias")->dtype, DType::F16);
  EXPECT_EQ(spec.tangents, (Names{"q", "bias"}));
}

TEST(ParseSpec, SubsetsHaveTheOrderOfTheInterface) {
  AttentionSpec spec = parsed("tangents = ['v', 'q']\noutputs = ['mu', 'o']\ncotangents = ['to', 'o']\n"
                              "gradients = ['tv', 'k', 'q']");
  EXPECT_EQ(spec.tangents, (Names{"q", "v"}));
  EXPECT_EQ(spec.outputs, (Names{"o", "mu"}));
  EXPECT_EQ(spec.cotangents, (Names{"o", "to"}));
  EXPECT_EQ(spec.gradients, (Names{"q", "k", "tv"}));
}

TEST(ParseSpec, DefaultGradientsAreThoseThatACotangentReaches) {
  EXPECT_EQ(parsed("tangents = []").gradients, (Names{"q", "k", "v"}));
  EXPECT_EQ(parsed("cotangents = ['to']").gradients, (Names{"q", "k", "v", "tq", "tk", "tv"}));
  EXPECT_EQ(parsed("cotangents = ['o']").gradients, (Names{"q", "k", "v"}));
  EXPECT_EQ(parsed("cotangents = ['lse']").gradients, (Names{"q", "k"}));
  EXPECT_EQ(parsed("cotangents = ['mu']").gradients, (Names{"q", "k", "tq", "tk"}));
  EXPECT_EQ(parsed("tangents = ['v']").outputs, (Names{"o", "to", "lse"}));
  EXPECT_EQ(parsed("scalars = ['t1', 't2']\nscore = 'z * t1 + t2'\ntangents = ['t2', 'k']").gradients,
            (Names{"q", "k", "v", "t2", "tk", "tt2"}));
}

TEST(ParseSpec, WrittenGradientsMayBeStructuralZeros) {
  EXPECT_EQ(parsed("cotangents = ['lse']\ngradients = ['v', 'tv']").gradients, (Names{"v", "tv"}));
}

TEST(ParseSpec, PrintIsCanonical) {
  EXPECT_EQ(print(parsed("head_dim_qk=128 # wide\nscore='''\n 30.0*tanh( (z)/3.0e1 )'''\ncausal='top_left'")),
            "name = \"my_spec\"\ndtype = \"bf16\"\noutput_dtype = \"bf16\"\ngradient_dtype = \"bf16\"\n"
            "head_dim_qk = 128\nhead_dim_v = 128\ngroup = 1\nsoftmax_scale = 0.08838834764831843\nlayout = \"dense\"\n"
            "score = \"30 * tanh(z / 30)\"\nmask = \"kv_index <= q_index\"\ntangents = [\"q\", \"k\", \"v\"]\n"
            "outputs = [\"o\", \"to\", \"lse\", \"mu\"]\ncotangents = [\"o\", \"to\", \"lse\", \"mu\"]\n"
            "gradients = [\"q\", \"k\", \"v\", \"tq\", \"tk\", \"tv\"]\n");
}
