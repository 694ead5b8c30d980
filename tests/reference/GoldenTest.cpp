// The reference against PyTorch in float64 (make_golden.py).
#include "reference/Evaluate.h"
#include "tests/reference/Specs.h"
#include "tools/tensors/Interface.h"
#include "tools/tensors/Safetensors.h"

#include <cmath>

using namespace jvpgen;

namespace {
struct Case {
  const char *file;
  std::string toml; ///< what differs from plain attention
  const char *tangents = R"(["q", "k", "v"])";
  int head_dim_v = 8;

  friend void PrintTo(const Case &c, std::ostream *out) { *out << c.file; }
};
} // namespace

static AttentionSpec specOf(const Case &c) {
  return specFrom("name = \"golden\"\ndtype = \"f32\"\nhead_dim_qk = 8\nhead_dim_v = " + std::to_string(c.head_dim_v) +
                  "\ntangents = " + c.tangents +
                  "\noutputs = [\"o\", \"to\", \"lse\", \"mu\"]\ncotangents = [\"o\", \"to\", \"lse\", \"mu\"]\n" +
                  c.toml);
}

class Golden : public testing::TestWithParam<Case> {};

/// Both halves of a stored result against the evaluated one, relative to the largest entry.
static void compare(const TensorSet &file, const std::string &stored, const reference::Tensor64 &got) {
  const HostTensor &high = file.at(stored + ".hi"), &low = file.at(stored + ".lo");
  ASSERT_EQ(high.elements(), int64_t(got.values.size())) << stored;
  double largest = 0;
  for (int64_t k = 0; k < high.elements(); ++k)
    if (std::isfinite(high.get(k))) largest = std::max(largest, std::fabs(high.get(k)));
  EXPECT_GT(largest, 0) << stored << ": a golden result that is all zero shows nothing";
  for (int64_t k = 0; k < high.elements(); ++k) {
    double want = high.get(k) + low.get(k), x = got.values[size_t(k)];
    if (std::isinf(want))
      ASSERT_EQ(x, want) << stored << " entry " << k;
    else
      ASSERT_NEAR(x, want, 1e-12 * largest) << stored << " entry " << k;
    ASSERT_LE(std::fabs(x), got.magnitudes[size_t(k)] * (1 + 1e-12)) << stored << " entry " << k;
  }
}

TEST_P(Golden, AllFourProgramsEqualPyTorch) {
  AttentionSpec spec = specOf(GetParam());
  Result<TensorSet> file =
      readSafetensors(std::string(JVPGEN_SOURCE_DIR "/tests/reference/golden/") + GetParam().file + ".safetensors");
  ASSERT_TRUE(file) << file.error().text();
  std::vector<std::string> programs = programsOf(spec);
  ASSERT_EQ(programs.size(), 4u);
  size_t stored = 0, compared = 0;
  for (const auto &[name, tensor] : *file) stored += name.ends_with(".hi");
  for (const std::string &program : programs) {
    Result<Problem> problem = deduceProblem(spec, *file, inputsOf(spec, "tangent_forward"));
    ASSERT_TRUE(problem) << problem.error().text();
    Result<reference::TensorSet64> got = reference::evaluate(spec, *problem, *file, program);
    ASSERT_TRUE(got) << got.error().text();
    compared += program == "forward" ? 0 : got->size(); // the tangent program returns those as well
    for (const auto &[name, tensor] : *got) compare(*file, (program == "backward" ? "backward." : "") + name, tensor);
  }
  EXPECT_EQ(compared, stored) << "a golden result that no program returns";
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Golden,
    testing::Values(Case{"plain", "", R"(["q", "k", "v"])", 16}, Case{"causal", "causal = \"top_left\""},
                    Case{"causal", "mask_tensor = { dims = [\"q\", \"kv\"] }"},
                    Case{"causal_bottom_right_empty_rows", "causal = \"bottom_right\""},
                    Case{"causal_bottom_right_empty_rows", "mask_tensor = { dims = [\"q\", \"kv\"] }"},
                    Case{"softcap", "score = \"3 * tanh(z / 3)\""}, Case{"group", "group = 3"},
                    Case{"query_tangent", "", R"(["q"])"},
                    Case{"bias", "bias = { dims = [\"heads\", \"q\", \"kv\"] }", R"(["q", "k", "v", "bias"])"},
                    Case{"bias_in_softcap",
                         "bias = { dims = [\"batch\", \"kv\"] }\nscore = \"3 * tanh((z + bias * bias) / 3)\"",
                         R"(["q", "k", "v", "bias"])"},
                    Case{"temperature", "scalars = [\"temperature\"]\nscore = \"z * temperature\"",
                         R"(["q", "k", "v", "temperature"])"},
                    Case{"slope", "head_vectors = [\"slope\"]\nscore = \"z - slope * abs(q_index - kv_index)\"",
                         R"(["q", "k", "v", "slope"])"},
                    Case{"functions", "score = \"log(1 + exp(z)) + sqrt(2 + abs(z)) * min(z, tanh(z)) / (2 + z * z) + "
                                      "where(z < 0.3, z, max(z, 0.5 * z))\""}));
