// Kernels come out of a builder as files with what the compiler said of them.
#include "tuner/NvrtcBuilder.h"
#include "runtime/abi/BundleFiles.h"
#include "runtime/jit/Nvrtc.h"
#include "support/AtomicFile.h"
#include "tests/runtime/TemporaryFolder.h"
#include "tests/runtime/TinyBundle.h"
#include "tuner/Planted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace jvpgen;
using namespace jvpgen::tuner;
using testing::HasSubstr;

namespace {
class Building : public testing::Test {
protected:
  void SetUp() override {
    if (!findNvrtc(Environment::ofProcess())) GTEST_SKIP() << "NVRTC is not here";
    bundle = tinyBundle();
    bundle.arch = "sm_80";
  }

  Attempt<BuildAnswer> build(const std::string &variant, size_t launch) {
    EXPECT_TRUE(writeBundle(bundle, folder.path / "bundle"));
    for (const KernelVariant &known : bundle.variants)
      if (known.variant == variant)
        return builder.build({folder.path / "bundle",
                              {"sm_80", 0, 0},
                              "forward",
                              variant,
                              launch,
                              known.launches[launch].schedule,
                              folder.path / "out"});
    return failed(Outcome::Refused, "no such variant");
  }

  TemporaryFolder folder;
  KernelBundle bundle;
  NvrtcBuilder builder;
};
} // namespace

TEST_F(Building, WritesMachineCode) {
  Attempt<BuildAnswer> answer = build("row", 1);
  ASSERT_TRUE(answer) << answer.error().reason;
  EXPECT_THAT(readFile(answer->kernel.cubin).value_or(""), HasSubstr("ELF"));
  EXPECT_GT(answer->kernel.registers, 0);
  EXPECT_EQ(answer->kernel.spill_bytes, 0);
  EXPECT_THAT(answer->nvrtc, testing::MatchesRegex("[0-9]+\\.[0-9]+.*"));
}

TEST_F(Building, SaysWhatTheCompilerSays) {
  bundle.files[0].text = "this is no kernel";
  Attempt<BuildAnswer> answer = build("row", 0);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().outcome, Outcome::NotCompiled);
  EXPECT_THAT(answer.error().reason, HasSubstr("error"));
}

TEST_F(Building, PlantedKernelsAreKernels) {
  const size_t own = bundle.variants.size();
  ASSERT_TRUE(plant(bundle, {"fault", "loop", "wrong"}));
  ASSERT_EQ(bundle.variants.size(), own + 3);
  EXPECT_EQ(bundle.variants[0].variant, "row"); // the default stays
  for (const char *kind : {"fault", "loop", "wrong"}) {
    Attempt<BuildAnswer> answer = build(std::string("planted ") + kind, 0);
    EXPECT_TRUE(answer) << kind << ": " << answer.error().reason;
  }
  EXPECT_FALSE(plant(bundle, {"tree"}));
}
