// Kernels for warpgroups give way to other schedules once ptxas has spoken. NVRTC has to be there.
#include "runtime/jit/CompiledVariant.h"
#include "TinyBundle.h"
#include "schedule/Legality.h"

#include <gmock/gmock.h>

using namespace jvpgen;
using testing::HasSubstr;

namespace {
const Target kHopper = {.arch = "sm_90a"};

/// One kernel for warpgroups that has registers enough where tile_n is at most `longest`.
KernelBundle crowdedBundle(int longest) {
  KernelBundle bundle = tinyBundle();
  bundle.files[0].text = "constexpr int length = JVPGEN_TILE_N > " + std::to_string(longest) + R"( ? 48 : 1;
extern "C" __global__ void __launch_bounds__(1024, 2) twice(float *x, int n) {
  float y[length] = {};
  for (int round = 0; round < n; ++round) {
#pragma unroll
    for (int k = 0; k < length; ++k) y[k] = x[k * 1024 + threadIdx.x] + y[length - 1 - k];
    __syncthreads();
#pragma unroll
    for (int k = 0; k < length; ++k) x[k * 1024 + threadIdx.x] = y[k] * y[length - 1 - k];
  }
}
)";
  KernelVariant &variant = bundle.variants[0];
  variant.skeleton = "hopper";
  variant.launches.resize(1);
  Launch &launch = variant.launches[0];
  launch.resources = {.own_features = 64,
                      .streamed_features = 512,
                      .score_tiles = 1,
                      .packed_tiles = 1,
                      .output_features = 64,
                      .key_features = 256,
                      .early_scores = 1,
                      .warpgroups = true,
                      .is_sweep = true};
  variant.schedule = launch.schedule = defaultSchedule(launch.resources, kHopper);
  return bundle;
}

class CompiledVariantTest : public testing::Test {
protected:
  void SetUp() override {
    Result<NvrtcFiles> files = findNvrtc(Environment::ofProcess());
    ASSERT_TRUE(files) << files.error().message;
    compiler = std::move(*KernelCompiler::create(*files, {}, [](const std::string &) {}));
  }
  std::unique_ptr<KernelCompiler> compiler;
};
} // namespace

TEST_F(CompiledVariantTest, NamesTheScheduleThatWasTaken) {
  KernelBundle bundle = crowdedBundle(64);
  ASSERT_EQ(bundle.variants[0].schedule.tile_n, 96);
  Result<CompiledVariant> made = compileVariant(bundle, bundle.variants[0], kHopper, *compiler);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->variant.schedule.tile_n, 64);
  EXPECT_EQ(made->variant.launches[0].schedule, made->variant.schedule);
  EXPECT_EQ(made->kernels[0].dynamic_shared_bytes,
            sharedBytes(made->variant.launches[0].resources, made->variant.schedule));
  EXPECT_EQ(made->kernels[0].spill_bytes, 0);
}

/// The same on the portable skeleton.
static KernelBundle crowdedPortable(int longest) {
  KernelBundle bundle = crowdedBundle(longest);
  KernelVariant &variant = bundle.variants[0];
  variant.skeleton = "portable";
  variant.launches[0].resources.warpgroups = false;
  variant.schedule = variant.launches[0].schedule = defaultSchedule(variant.launches[0].resources, {.arch = "sm_90"});
  return bundle;
}

TEST_F(CompiledVariantTest, PortableKernelsThatSpillStreamFewerRows) {
  KernelBundle bundle = crowdedPortable(64);
  ASSERT_GT(bundle.variants[0].schedule.tile_n, 64);
  Result<CompiledVariant> made = compileVariant(bundle, bundle.variants[0], {.arch = "sm_90"}, *compiler);
  ASSERT_TRUE(made) << made.error().message;
  Schedule expected = bundle.variants[0].schedule;
  expected.tile_n = 64;
  EXPECT_EQ(made->variant.schedule, expected);
  EXPECT_EQ(made->variant.launches[0].schedule, expected);
  EXPECT_EQ(made->kernels[0].spill_bytes, 0);
  bundle.variants[0].launches[0].resources.element_bytes = 4; // of float32 they stay
  made = compileVariant(bundle, bundle.variants[0], {.arch = "sm_90"}, *compiler);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->variant.schedule, bundle.variants[0].schedule);
  EXPECT_GT(made->kernels[0].spill_bytes, 0);
}

TEST_F(CompiledVariantTest, KeepsTheDefaultWhereAllAreRejected) {
  KernelBundle bundle = crowdedBundle(0);
  Result<CompiledVariant> made = compileVariant(bundle, bundle.variants[0], kHopper, *compiler);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->variant.schedule, bundle.variants[0].schedule);
  EXPECT_THAT(rejection(made->variant.launches[0], made->kernels[0]), HasSubstr("it spills "));
  Result<std::vector<ScheduleReport>> reports =
      compileSchedules(bundle, bundle.variants[0].launches[0], kHopper, *compiler);
  ASSERT_TRUE(reports);
  EXPECT_TRUE(reports->front().is_taken);
  EXPECT_THAT(reports->front().verdict, HasSubstr("taken, since all others are"));
}

TEST_F(CompiledVariantTest, ReportsEveryLegalScheduleWithItsVerdict) {
  KernelBundle bundle = crowdedBundle(64);
  const Launch &launch = bundle.variants[0].launches[0];
  Result<std::vector<ScheduleReport>> reports = compileSchedules(bundle, launch, kHopper, *compiler);
  ASSERT_TRUE(reports) << reports.error().message;
  ASSERT_EQ(reports->size(), legalSchedules(launch.resources, kHopper).size());
  int taken = 0;
  for (const ScheduleReport &r : *reports) {
    taken += r.is_taken;
    if (r.is_taken)
      EXPECT_EQ(r.verdict, "legal, taken in the default's place");
    else if (r.schedule.tile_n > 64)
      EXPECT_THAT(r.verdict, HasSubstr("rejected because it spills "));
    else
      EXPECT_EQ(r.verdict, "legal");
  }
  EXPECT_EQ(taken, 1);
  EXPECT_THAT(reports->front().verdict, HasSubstr("default, rejected"));
}
