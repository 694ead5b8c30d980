// The launch path against a driver of this test's own, which notes what it is asked; and against a real one where there
// is one.
#include "runtime/launch/CudaExecutable.h"
#include "RecordingDriver.h"
#include "TinyBundle.h"
#include "runtime/launch/Ceiling.h"

#include <bit>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace jvpgen;
using testing::HasSubstr;

namespace {
std::vector<CompiledKernel> compiledKernels() {
  CompiledKernel twice, copy;
  twice.kernel = "twice";
  twice.shared_bytes = twice.dynamic_shared_bytes = 100000;
  copy.kernel = "copy_sums";
  return {twice, copy};
}

TensorMap someTensors() {
  auto at = [](uintptr_t address) { return reinterpret_cast<void *>(address); };
  return {{"q", {at(0x10000), DType::BF16, {1, 2, 3, 0}}},
          {"o", {at(0x20000), DType::BF16, {4, 5, 6, 0}}},
          {"lse", {at(0x30000), DType::F32, {7, 8, 9, 0}}}};
}

const Problem kProblem{.batch = 2, .heads = 2, .kv_heads = 1, .q_length = 40, .kv_length = 1};
} // namespace

TEST(CudaExecutable, LaunchesInOrderOnTheCallersStream) {
  Driver driver = recordingDriver();
  KernelBundle bundle = tinyBundle();
  {
    DevicePointer device = *Device::open(driver, 0);
    EXPECT_EQ(device->facts.target.arch, "sm_90a");
    EXPECT_EQ(device->facts.target.shared_bytes_per_block, 232448);
    auto executable = load(bundle, {bundle.variants[0], compiledKernels()}, device);
    ASSERT_TRUE(executable) << executable.error().message;
    EXPECT_EQ(record.shared_limits, (std::vector<int>{100000, 0}));
    void *workspace = reinterpret_cast<void *>(0x1000), *stream = reinterpret_cast<void *>(0x77);
    Result<void> ok = (*executable)->launch(kProblem, someTensors(), workspace, stream);
    ASSERT_TRUE(ok) << ok.error().message;
    ASSERT_EQ(record.launches.size(), 2u);
    EXPECT_EQ(record.launches[0].blocks, 2u * 2 * 2);
    EXPECT_EQ(record.launches[0].threads, 32u);
    EXPECT_EQ(record.launches[0].shared_bytes, 100000u);
    EXPECT_EQ(record.launches[0].stream, stream);
    EXPECT_EQ(record.launches[0].parameter.problem, kProblem);
    EXPECT_EQ(record.launches[1].parameter.tensors[0].data, reinterpret_cast<void *>(0x1100));
    EXPECT_EQ(record.launches[1].parameter.tensors[1].stride[2], 9);
    EXPECT_EQ(record.modules, 2);
    EXPECT_EQ(record.contexts, 1);
    EXPECT_EQ(record.allocations, 0);
  }
  EXPECT_EQ(record.modules, 0);
  EXPECT_EQ(record.contexts, 0);
}

TEST(CudaExecutable, EmptyGridIsNotLaunched) {
  Driver driver = recordingDriver();
  KernelBundle bundle = tinyBundle();
  auto executable = load(bundle, {bundle.variants[0], compiledKernels()}, *Device::open(driver, 0));
  Problem empty = kProblem;
  empty.q_length = 0;
  EXPECT_TRUE((*executable)->launch(empty, someTensors(), reinterpret_cast<void *>(0x1000), nullptr));
  EXPECT_TRUE(record.launches.empty());
}

TEST(CudaExecutable, RefusesMemoryOfAnotherDevice) {
  Driver driver = recordingDriver();
  KernelBundle bundle = tinyBundle();
  auto executable = load(bundle, {bundle.variants[0], compiledKernels()}, *Device::open(driver, 0));
  record.memory_ordinal = 1;
  Result<void> ok = (*executable)->launch(kProblem, someTensors(), reinterpret_cast<void *>(0x1000), nullptr);
  ASSERT_FALSE(ok);
  EXPECT_THAT(ok.error().message, HasSubstr("its address is not memory of that GPU; copy it there"));
  EXPECT_TRUE(record.launches.empty());
}

TEST(CudaExecutable, AWorkspaceOfNoBytesMayLieAnywhere) {
  Driver driver = recordingDriver();
  KernelBundle bundle = tinyBundle();
  record.foreign = 0x40000000; // no neighbour of the tensors
  void *foreign = reinterpret_cast<void *>(record.foreign);
  auto executable = load(bundle, {bundle.variants[0], compiledKernels()}, *Device::open(driver, 0));
  EXPECT_FALSE((*executable)->launch(kProblem, someTensors(), foreign, nullptr));
  bundle.variants[0].workspace.clear();
  bundle.variants[0].launches = {bundle.variants[0].launches[0]};
  bundle.variants[0].launches[0].tensors.back() = "lse";
  executable = load(bundle, {bundle.variants[0], {compiledKernels()[0]}}, *Device::open(driver, 0));
  ASSERT_EQ((*executable)->workspaceBytes(kProblem), 0u);
  Result<void> ok = (*executable)->launch(kProblem, someTensors(), foreign, nullptr);
  EXPECT_TRUE(ok) << ok.error().message;
  EXPECT_EQ(record.launches.size(), 1u);
}

TEST(CudaExecutable, RefusesMoreSharedMemoryThanThereIs) {
  Driver driver = recordingDriver();
  KernelBundle bundle = tinyBundle();
  std::vector<CompiledKernel> kernels = compiledKernels();
  kernels[0].shared_bytes = 300000;
  auto executable = load(bundle, {bundle.variants[0], kernels}, *Device::open(driver, 0));
  ASSERT_FALSE(executable);
  EXPECT_THAT(executable.error().message, HasSubstr("needs 300000 bytes of shared memory; Test GPU has 232448"));
}

TEST(CudaExecutable, DriverErrorsHaveThreeParts) {
  Driver driver = recordingDriver();
  DevicePointer device = *Device::open(driver, 0);
  Result<DeviceBuffer> buffer = DeviceBuffer::allocate(device, 64);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().message,
            "allocating 64 bytes on Test GPU failed: CUDA_ERROR_TEST (made up); use smaller shapes, or free "
            "memory on the device");
  EXPECT_THAT(Device::open(driver, 1).error().message, HasSubstr("GPU 1 was asked for, and this process sees 1"));
}

TEST(Device, SaysThatItsContextIsGone) {
  Driver driver = recordingDriver();
  KernelBundle bundle = tinyBundle();
  DevicePointer device = *Device::open(driver, 0);
  auto launches = [&](CudaExecutable &executable) {
    Result<void> ok = executable.launch(kProblem, someTensors(), reinterpret_cast<void *>(0x1000), nullptr);
    return ok ? "launched" : ok.error().message;
  };
  auto executable = load(bundle, {bundle.variants[0], compiledKernels()}, device);
  EXPECT_EQ(launches(**executable), "launched");
  record.launches.clear();
  record.context_id = 8; // reset: the same handle, another context
  EXPECT_EQ(launches(**executable),
            "using Test GPU, GPU 0: its context was destroyed or reset since it was opened, and the kernels that were "
            "loaded went with it; open it again and prepare again");
  record.context_code = 709; // destroyed
  EXPECT_THAT(launches(**executable), HasSubstr("destroyed or reset"));
  EXPECT_TRUE(record.launches.empty());
  const int modules = record.modules;
  executable->reset();
  EXPECT_EQ(record.modules, modules) << "nothing of a context that is gone is touched";
}

TEST(Device, TakesAContextOfTheCallers) {
  Driver driver = recordingDriver();
  {
    Result<DevicePointer> device = Device::ofContext(driver, reinterpret_cast<void *>(0x100));
    ASSERT_TRUE(device) << device.error().message;
    EXPECT_EQ((*device)->facts.name, "Test GPU");
  }
  EXPECT_EQ(record.contexts, 0) << "neither retained nor released";
  EXPECT_EQ(record.current, nullptr);
  EXPECT_THAT(Device::ofContext(driver, nullptr).error().message, HasSubstr("it is null"));
}

TEST(Device, DoesNotOutliveAFork) {
  Driver driver = recordingDriver();
  KernelBundle bundle = tinyBundle();
  DevicePointer device = *Device::open(driver, 0);
  auto executable = load(bundle, {bundle.variants[0], compiledKernels()}, device);
  const pid_t child = fork();
  if (child == 0) {
    Result<void> ok = (*executable)->launch(kProblem, someTensors(), reinterpret_cast<void *>(0x1000), nullptr);
    const bool is_refused = !ok && ok.error().message.find("fork before the GPU is first used") != std::string::npos;
    executable->reset();
    device.reset();
    _exit(is_refused && record.launches.empty() && record.modules == 2 && record.contexts == 1 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the child is refused, and leaves the driver alone when it drops what it was left";
  EXPECT_TRUE((*executable)->launch(kProblem, someTensors(), reinterpret_cast<void *>(0x1000), nullptr));
}

TEST(FindVariant, NamesWhatThereIs) {
  KernelBundle bundle = tinyBundle();
  EXPECT_EQ((*findVariant(bundle, "forward"))->variant, "row");
  EXPECT_THAT(findVariant(bundle, "forward", "fused").error().message,
              HasSubstr("in the variant 'fused'; it has 'row'"));
  EXPECT_THAT(findVariant(bundle, "backward").error().message, HasSubstr("backward, which it does not hold"));
}

// ---- on a GPU
// ------------------------------------------------------------------------------------------------------------

namespace {
class OnGpu : public testing::Test {
protected:
  void SetUp() override {
    Result<DevicePointer> opened = Device::open();
    if (!opened) GTEST_SKIP() << opened.error().message;
    device = *opened;
  }
  DevicePointer device;
};
} // namespace

TEST_F(OnGpu, RunsTheTinyBundle) {
  KernelBundle bundle = tinyBundle();
  auto executable = prepare(bundle, "forward", "", std::nullopt, device);
  ASSERT_TRUE(executable) << executable.error().message;
  const size_t rows = 2 * 2 * 40;
  std::vector<uint16_t> q(16 * rows), o(16 * rows);
  std::vector<float> lse(rows);
  for (size_t k = 0; k < q.size(); ++k) q[k] = uint16_t(std::bit_cast<uint32_t>(float(k % 31) - 15.f) >> 16);
  Stream stream = *Stream::create(device);
  DeviceBuffer dq = *DeviceBuffer::allocate(device, 2 * q.size()), d_o = *DeviceBuffer::allocate(device, 2 * o.size());
  DeviceBuffer dlse = *DeviceBuffer::allocate(device, 4 * rows);
  DeviceBuffer workspace = *DeviceBuffer::allocate(device, (*executable)->workspaceBytes(kProblem));
  ASSERT_TRUE(dq.copyFrom(q.data(), 2 * q.size(), stream));
  TensorMap tensors = {{"q", {dq.data(), DType::BF16, {1280, 640, 16, 0}}},
                       {"o", {d_o.data(), DType::BF16, {1280, 640, 16, 0}}},
                       {"lse", {dlse.data(), DType::F32, {80, 40, 1, 0}}}};
  Result<void> ok = (*executable)->launch(kProblem, tensors, workspace.data(), stream.handle());
  ASSERT_TRUE(ok) << ok.error().message;
  ASSERT_TRUE(d_o.copyTo(o.data(), 2 * o.size(), stream));
  ASSERT_TRUE(dlse.copyTo(lse.data(), 4 * rows, stream));
  ASSERT_TRUE(stream.synchronize());
  auto value = [](uint16_t x) { return std::bit_cast<float>(uint32_t(x) << 16); };
  for (size_t r = 0; r < rows; ++r) {
    float sum = 0;
    for (size_t f = 0; f < 16; ++f) {
      EXPECT_EQ(value(o[16 * r + f]), 2 * value(q[16 * r + f]));
      sum += value(q[16 * r + f]);
    }
    EXPECT_EQ(lse[r], sum);
  }
  tensors["q"].data = q.data();
  EXPECT_FALSE((*executable)->launch(kProblem, tensors, workspace.data(), stream.handle())) << "host memory";
}

TEST_F(OnGpu, CeilingIsMeasured) {
  Result<Ceiling> ceiling = Ceiling::create(device, Environment::ofProcess());
  if (!ceiling) GTEST_SKIP() << ceiling.error().message;
  Result<InterleavedTimes> times = measureCeiling(device, &*ceiling, {.rounds = 3, .burst_ms = 5},
                                                  [&](const Stream &s) { return ceiling->launch(s); });
  ASSERT_TRUE(times) << times.error().message;
  double work = 2 * 8192. * 8192 * 8192 / (times->work_ms * 1e9);
  EXPECT_GT(*times->ceiling_tflops, 10);
  EXPECT_NEAR(work / *times->ceiling_tflops, 1, 0.25);
}
