// What `jvpgen bench` measures, on a driver whose kernels take as long as they are told to.
#include "tests/tuner/HostDriver.h"
#include "tests/tuner/SmallBundle.h"
#include "tools/jvpgen/CudaTiming.h"

#include <gtest/gtest.h>

using namespace jvpgen;

namespace {
/// A program of two kernels that read q and write o.
class TwoKernels : public testing::Test {
protected:
  void prepare(const std::string &first, const std::string &second) {
    Result<DevicePointer> opened = Device::open(hostDriver(), 0);
    ASSERT_TRUE(opened) << opened.error().message;
    gpu = *opened;
    KernelBundle bundle = smallBundle();
    bundle.head_dim_qk = bundle.head_dim_v = 16;
    bundle.tensors = {{"q", "bnrid", DType::F32, false}, {"o", "bnrie", DType::F32, true}};
    bundle.variants = {smallVariant("forward", "row", {smallSweep("classify", true), smallSweep("sweep", true)})};
    CompiledVariant compiled{bundle.variants[0], {CompiledKernel{"classify", first}, CompiledKernel{"sweep", second}}};
    Result<std::unique_ptr<CudaExecutable>> loaded = load(bundle, compiled, gpu);
    ASSERT_TRUE(loaded) << loaded.error().message;
    executable = std::move(*loaded);
    for (const char *name : {"q", "o"}) {
      Result<DeviceBuffer> buffer = DeviceBuffer::allocate(gpu, 16 * 16 * sizeof(float));
      ASSERT_TRUE(buffer) << buffer.error().message;
      views[name] = {buffer->data(), DType::F32, {256, 256, 16, 0}};
      buffers.push_back(*buffer);
    }
  }
  TimedCall call() const { return {gpu, *executable, problem, views, nullptr}; }

  DevicePointer gpu;
  Problem problem{
      .batch = 1, .heads = 1, .kv_heads = 1, .q_length = 16, .kv_length = 16, .q_total = 16, .kv_total = 16};
  std::vector<DeviceBuffer> buffers;
  TensorMap views;
  std::unique_ptr<CudaExecutable> executable;
};
} // namespace

TEST_F(TwoKernels, EachHasATimeOfItsOwn) {
  prepare("us=100", "us=700");
  Result<std::vector<LaunchTime>> launches = timeByLaunch(call(), 5);
  ASSERT_TRUE(launches) << launches.error().message;
  ASSERT_EQ(launches->size(), 2u);
  EXPECT_EQ((*launches)[0].kernel, "classify");
  EXPECT_EQ((*launches)[1].kernel, "sweep");
  EXPECT_NEAR((*launches)[0].median_ms, 0.1, 0.05);
  EXPECT_NEAR((*launches)[1].median_ms, 0.7, 0.05);
}

TEST_F(TwoKernels, TheSlopeIsWhatOneMoreCallTakes) {
  prepare("us=30", "us=10");
  Result<double> slope = graphSlope(call(), 3);
  ASSERT_TRUE(slope) << slope.error().message;
  EXPECT_NEAR(*slope, 40, 4);
}

TEST_F(TwoKernels, BurstsCountByTheCall) {
  prepare("us=300", "us=100");
  TimingOptions how;
  how.rounds = 3, how.burst_ms = 4;
  Result<Timing> timing = timeCall(call(), how, nullptr);
  ASSERT_TRUE(timing) << timing.error().message;
  EXPECT_NEAR(timing->median_ms, 0.4, 0.02);
  EXPECT_FALSE(timing->ceiling_tflops || timing->slope_us);
  EXPECT_TRUE(timing->launches.empty());
  how.by_launch = how.graph_slope = true, how.rounds = 1;
  timing = timeCall(call(), how, nullptr);
  ASSERT_TRUE(timing) << timing.error().message;
  EXPECT_EQ(timing->launches.size(), 2u);
  EXPECT_NEAR(*timing->slope_us, 400, 20);
}

TEST_F(TwoKernels, WhatBreaksIsSaid) {
  prepare("fault", "us=1");
  EXPECT_FALSE(timeByLaunch(call(), 1));
  healHostDriver();
  EXPECT_FALSE(graphSlope(call(), 1));
  healHostDriver();
}
