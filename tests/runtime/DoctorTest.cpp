// What is reported of a machine: of this one, and of one without anything.
#include "runtime/launch/Doctor.h"
#include "TemporaryFolder.h"
#include "runtime/jit/CacheFolder.h"

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

TEST(Doctor, SaysWhatTheCacheHolds) {
  TemporaryFolder folder;
  Environment environment;
  environment.nvrtc = "/nonexistent/libnvrtc.so.13";
  environment.cache_home = folder.path;
  environment.cache_limit = "3M";
  CacheFolder cache(kernelCacheFolder(environment), nullptr);
  for (const char *key : {"a", "b"}) {
    cache.store(key, std::string(1000, 'x'));
    cache.lockFile(key);
  }
  DoctorFacts facts = examine(environment);
  EXPECT_EQ(facts.cache_folder, folder.path / "jvpgen/kernels");
  EXPECT_EQ(facts.cache_problem, "");
  EXPECT_EQ(facts.cache_entries, 2u);
  EXPECT_EQ(facts.cache_bytes, 2 * (64 + 1 + 1000u));
  EXPECT_EQ(facts.cache_limit, 3u << 20);
  environment.cache_limit = "much";
  facts = examine(environment);
  EXPECT_THAT(facts.cache_problem, HasSubstr("JVPGEN_CACHE_LIMIT is 'much'"));
  EXPECT_EQ(facts.cache_limit, kCacheLimit);
}
