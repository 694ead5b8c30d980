// The process that owns a GPU, on a driver whose GPU is the host: what it verifies, times and reports.
#include "tuner/CudaMeasuring.h"
#include "runtime/abi/BundleFiles.h"
#include "runtime/abi/References.h"
#include "support/AtomicFile.h"
#include "tests/runtime/TemporaryFolder.h"
#include "tests/tuner/HostDriver.h"
#include "tests/tuner/SmallBundle.h"
#include "tuner/DeviceReference.h"
#include "tuner/Statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace jvpgen;
using namespace jvpgen::tuner;
using testing::HasSubstr;

namespace {
class HostGpu : public testing::Test {
protected:
  HostGpu()
      : measuring(openDeviceReference,
                  {[](int ordinal) { return Device::open(hostDriver(), ordinal); },
                   [this](const Nvml &) { return slowdowns.empty() ? "" : slowdowns[asked++ % slowdowns.size()]; },
                   std::chrono::milliseconds(1)}) {}

  void SetUp() override {
    healHostDriver();
    bundle = smallBundle();
    bundle.head_dim_qk = bundle.head_dim_v = 16;
    bundle.tensors = {{"q", "bnrid", DType::F32, false}, {"o", "bnrie", DType::F32, true}};
    bundle.variants.resize(1);
    for (const char *way : {kDerivedReference, kSimplifiedReference, kRoundedReference}) {
      Launch launch = bundle.variants[0].launches[0];
      launch.kernel = std::string("small_reference_") + way;
      launch.resources = {};
      launch.owners = "", launch.rows_per_block = "1";
      bundle.references.push_back(smallVariant("forward", way, {launch}));
    }
    ASSERT_TRUE(writeBundle(bundle, folder.path / "bundle"));
    ASSERT_TRUE(measuring.describe(0));
  }
  void TearDown() override { healHostDriver(); }

  Runnable runnable(const std::string &words) {
    BuiltKernel kernel;
    kernel.cubin = folder.path / ("cubin-" + std::to_string(++files));
    EXPECT_TRUE(writeFile(kernel.cubin, words));
    return {"forward", candidateOf(bundle.variants[0]), {kernel}};
  }

  Attempt<OpenAnswer> opened(const std::string &words = "us=200", int64_t rows = 128) {
    OpenOrder order;
    order.bundle = folder.path / "bundle";
    order.problem = {.batch = 2, .heads = 2, .kv_heads = 2, .q_length = rows, .kv_length = rows};
    order.standard = runnable(words);
    for (const KernelVariant &reference : bundle.references) {
      order.references.push_back(runnable(referenceWords));
      order.references.back().candidate = candidateOf(reference);
    }
    return measuring.open(order);
  }

  TemporaryFolder folder;
  KernelBundle bundle;
  std::string referenceWords = "double";
  std::vector<std::string> slowdowns; ///< answers, counted round; none: no slowdown
  size_t asked = 0;
  CudaMeasuring measuring;
  int files = 0;
};
} // namespace

TEST_F(HostGpu, IsDescribed) {
  Attempt<DeviceReport> report = measuring.describe(0);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->device.name, "Host");
  EXPECT_EQ(report->target.arch, "sm_80");
  EXPECT_EQ(report->devices, 1);
  EXPECT_TRUE(report->needs_kernels);
  EXPECT_FALSE(report->driver.empty());
}

TEST_F(HostGpu, TimesACandidateInTurnsWithTheDefault) {
  Attempt<OpenAnswer> open = opened("us=400");
  ASSERT_TRUE(open) << open.error().reason;
  EXPECT_GT(open->estimate_us, 390);
  Attempt<TrialAnswer> trial = measuring.trial({runnable("us=200")});
  ASSERT_TRUE(trial) << trial.error().reason;
  EXPECT_EQ(trial->samples_us.size(), 5u);
  EXPECT_EQ(trial->default_samples_us.size(), 5u);
  EXPECT_NEAR(median(pairedRatios(trial->samples_us, trial->default_samples_us)), 0.5, 0.25);
  EXPECT_EQ(trial->relative_error, 0);
}

TEST_F(HostGpu, WhoIsMuchSlowerIsTimedNoFurther) {
  ASSERT_TRUE(opened("us=100"));
  for (const auto &[words, samples] : {std::pair("us=450", 2u), std::pair("us=3000", 1u)}) {
    Attempt<TrialAnswer> trial = measuring.trial({runnable(words)});
    ASSERT_TRUE(trial);
    EXPECT_EQ(trial->samples_us.size(), samples) << words;
    EXPECT_EQ(trial->default_samples_us.size(), samples) << words;
  }
}

TEST_F(HostGpu, FastAndWrongIsFoundByTheReferenceAndNotTimed) {
  ASSERT_TRUE(opened());
  Attempt<TrialAnswer> trial = measuring.trial({runnable("us=1 wrong")});
  ASSERT_FALSE(trial);
  EXPECT_EQ(trial.error().outcome, Outcome::Wrong);
  EXPECT_THAT(trial.error().reason, HasSubstr("output 'o' at a small shape: error 5.00e-01"));
  EXPECT_FALSE(trial.error().poisoned);
}

TEST_F(HostGpu, WhatIsRightAtTheSmallShapeAloneIsComparedWithTheDefault) {
  ASSERT_TRUE(opened());
  Attempt<TrialAnswer> trial = measuring.trial({runnable("us=1 large wrong")});
  ASSERT_FALSE(trial);
  EXPECT_EQ(trial.error().outcome, Outcome::Wrong);
  EXPECT_THAT(trial.error().reason, HasSubstr("output 'o': it differs from the default's by 0.5"));
}

TEST_F(HostGpu, WhatIsNotWrittenIsSeenAlthoughTheDefaultWroteItBefore) {
  ASSERT_TRUE(opened());
  Attempt<TrialAnswer> trial = measuring.trial({runnable("us=1 lazy")});
  ASSERT_FALSE(trial);
  EXPECT_EQ(trial.error().outcome, Outcome::Wrong);
  EXPECT_THAT(trial.error().reason, HasSubstr("not finite"));
}

TEST_F(HostGpu, TheReferenceJudgesTheDefaultFirst) {
  Attempt<OpenAnswer> open = opened("us=200 wrong");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().outcome, Outcome::Wrong);
  EXPECT_THAT(open.error().reason, HasSubstr("small shape"));
}

TEST_F(HostGpu, WithoutAReferenceNothingIsTimed) {
  bundle.references.pop_back();
  ASSERT_TRUE(writeBundle(bundle, folder.path / "bundle"));
  Attempt<OpenAnswer> open = opened();
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().reason, HasSubstr("needs the reference 'rounded' of forward"));
}

TEST_F(HostGpu, AFaultPoisonsTheProcess) {
  ASSERT_TRUE(opened());
  Attempt<TrialAnswer> trial = measuring.trial({runnable("fault")});
  ASSERT_FALSE(trial);
  EXPECT_EQ(trial.error().outcome, Outcome::Faulted);
  EXPECT_TRUE(trial.error().poisoned);
  EXPECT_THAT(trial.error().reason, HasSubstr("CUDA_ERROR_ILLEGAL_ADDRESS"));
}

TEST_F(HostGpu, ALackOfMemoryDoesNot) {
  Attempt<OpenAnswer> open = opened("us=1", 1 << 20);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().outcome, Outcome::OutOfMemory);
  EXPECT_FALSE(open.error().poisoned);
}

TEST_F(HostGpu, AFinalHasSteadyAndColdTimesOfAllInTurns) {
  ASSERT_TRUE(opened("us=400"));
  Attempt<FinalAnswer> final = measuring.final({{runnable("us=200"), runnable("us=300 unsteady")}, 0.05});
  ASSERT_TRUE(final) << final.error().reason;
  ASSERT_EQ(final->entries.size(), 3u);
  for (const FinalAnswer::Entry &entry : final->entries) {
    EXPECT_GE(entry.samples_us.size(), 7u);
    EXPECT_EQ(entry.cold_us.size(), 7u);
  }
  const auto ratio = [&](size_t k) {
    return median(pairedRatios(final->entries[k].samples_us, final->entries[0].samples_us));
  };
  EXPECT_NEAR(ratio(1), 0.5, 0.25);
  EXPECT_NEAR(ratio(2), 0.75, 0.2);
  EXPECT_TRUE(final->entries[0].deterministic);
  EXPECT_TRUE(final->entries[1].deterministic);
  EXPECT_FALSE(final->entries[2].deterministic);
}

TEST_F(HostGpu, ATrialThatHeatDisturbedIsRepeated) {
  ASSERT_TRUE(opened());
  slowdowns = {"", "the GPU was too hot", "", ""}; // after the first trial; before and after the second nothing
  Attempt<TrialAnswer> trial = measuring.trial({runnable("us=100")});
  ASSERT_TRUE(trial) << trial.error().reason;
  EXPECT_EQ(asked, 4u);
  EXPECT_EQ(trial->samples_us.size(), 5u); // of the second alone
}

TEST_F(HostGpu, HeatThatStaysIsNotMeasured) {
  ASSERT_TRUE(opened());
  slowdowns = {"the GPU was too hot"};
  Attempt<TrialAnswer> trial = measuring.trial({runnable("us=100")});
  ASSERT_FALSE(trial);
  EXPECT_EQ(trial.error().outcome, Outcome::Throttled);
  EXPECT_THAT(trial.error().reason, HasSubstr("too hot, in each of three trials"));
  EXPECT_EQ(measuring.final({{}, 0.01}).error().outcome, Outcome::Throttled);
}
