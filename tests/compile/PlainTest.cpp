// Plain attention on every arch.
#include "DefaultKernels.h"
#include "tests/reference/Specs.h"

using namespace jvpgen;

class Plain : public testing::TestWithParam<const char *> {};

TEST_P(Plain, DefaultKernelsCompile) { expectDefaultKernels(example("plain"), GetParam()); }

INSTANTIATE_TEST_SUITE_P(Archs, Plain, testing::Values("sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"),
                         [](const auto &info) { return std::string(info.param); });
