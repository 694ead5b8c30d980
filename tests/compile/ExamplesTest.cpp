// The other examples and the other dtypes, each on one or two archs.
#include "DefaultKernels.h"
#include "tests/reference/Specs.h"

using namespace jvpgen;

namespace {
struct Case {
  const char *name, *arch;
};

class Example : public testing::TestWithParam<Case> {};

AttentionSpec plainOf(const std::string &dtype) {
  return specFrom("name = \"plain\"\nhead_dim_qk = 64\ndtype = \"" + dtype + "\"");
}

std::string nameOf(const testing::TestParamInfo<Case> &info) {
  return std::string(info.param.name) + "_" + info.param.arch;
}
} // namespace

TEST_P(Example, DefaultKernelsCompile) { expectDefaultKernels(example(GetParam().name), GetParam().arch); }

INSTANTIATE_TEST_SUITE_P(Archs, Example,
                         testing::Values(Case{"softcap", "sm_80"}, Case{"softcap", "sm_120"}, Case{"alibi", "sm_86"},
                                         Case{"window_softcap", "sm_89"}, Case{"relative_bias", "sm_90"},
                                         Case{"relative_bias", "sm_80"}, Case{"cross_q_tangent", "sm_100"},
                                         Case{"packed_documents", "sm_120"}, Case{"packed_documents", "sm_80"},
                                         Case{"hvp", "sm_80"}, Case{"temperature", "sm_89"}),
                         nameOf);

TEST(Dtypes, F16) { expectDefaultKernels(plainOf("f16"), "sm_100"); }
TEST(Dtypes, F32) { expectDefaultKernels(plainOf("f32"), "sm_80"); }

TEST(References, AreCompiledByNvrtcToo) {
  expectReferences(example("relative_bias"), "tangent_backward", "sm_90a");
  expectReferences(example("packed_documents"), "tangent_backward", "sm_80");
}
