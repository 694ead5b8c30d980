// What is reported of a machine: of this one, and of one without anything.
#include "runtime/launch/Doctor.h"

#include <gmock/gmock.h>

using namespace jvpgen;
using testing::HasSubstr;

TEST(Doctor, FindsAnNvrtcThatCompiles) {
  DoctorFacts facts = examine(Environment::ofProcess());
  EXPECT_EQ(facts.nvrtc_problem, "");
  EXPECT_THAT(facts.nvrtc_library, HasSubstr("libnvrtc.so"));
  EXPECT_THAT(facts.nvrtc_builtins, HasSubstr("libnvrtc-builtins.so"));
  EXPECT_THAT(facts.nvrtc_version, testing::MatchesRegex("1[23]\\.[0-9]+"));
  EXPECT_EQ(facts.gpus.empty(), !facts.driver_problem.empty());
}

TEST(Doctor, GivesTheReasonForWhatIsMissing) {
  Environment nothing;
  nothing.nvrtc = "/nonexistent/libnvrtc.so.13";
  DoctorFacts facts = examine(nothing);
  EXPECT_THAT(facts.nvrtc_problem, HasSubstr("JVPGEN_NVRTC is '/nonexistent/libnvrtc.so.13'"));
  EXPECT_THAT(facts.cache_problem, HasSubstr("neither XDG_CACHE_HOME nor HOME"));
}
