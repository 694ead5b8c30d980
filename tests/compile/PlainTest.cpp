// Plain attention on every arch.
#include "DefaultKernels.h"
#include "tests/reference/Specs.h"

using namespace jvpgen;

class Plain : public testing::TestWithParam<const char *> {};

TEST_P(Plain, DefaultKernelsCompile) { expectDefaultKernels(example("plain"), GetParam()); }

TEST(PlainFloat32, TheLongestHeadsCompile) {
  AttentionSpec spec = example("plain");
  spec.dtype = spec.output_dtype = spec.gradient_dtype = DType::F32;
  spec.head_dim_qk = spec.head_dim_v = 128;
  expectDefaultKernels(spec, "sm_90");
}

INSTANTIATE_TEST_SUITE_P(Archs, Plain, testing::Values("sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"),
                         [](const auto &info) { return std::string(info.param); });
