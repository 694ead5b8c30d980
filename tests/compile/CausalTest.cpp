// Heads of 128 features: an arch with shared memory for everything, and two with less.
#include "DefaultKernels.h"
#include "tests/reference/Specs.h"

using namespace jvpgen;

class Causal : public testing::TestWithParam<const char *> {};

TEST_P(Causal, DefaultKernelsCompile) {
  AttentionSpec spec = example("causal");
  ASSERT_EQ(spec.head_dim_qk, 128);
  expectDefaultKernels(spec, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Archs, Causal, testing::Values("sm_80", "sm_90", "sm_120"),
                         [](const auto &info) { return std::string(info.param); });
