// Shapes that are launched are counted, and written down as a list that a tuner reads.
#include "runtime/launch/CudaExecutable.h"
#include "support/AtomicFile.h"
#include "tests/runtime/ChildProcess.h"
#include "tests/runtime/TemporaryFolder.h"
#include "tests/tuner/HostDriver.h"
#include "tests/tuner/SmallBundle.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

using namespace jvpgen;
using testing::HasSubstr;

static const std::string kHeading = "batch,heads,kv_heads,q_length,kv_length,program,specification,launches\n";

TEST(LaunchCapture, WritesShapesMostLaunchedFirst) {
  TemporaryFolder folder;
  LaunchCapture capture(folder.path / "shapes.csv");
  EXPECT_EQ(capture.file, folder.path / ("shapes." + std::to_string(getpid()) + ".csv"));
  Problem small = smallProblem();
  small.q_length = small.kv_length = 256;
  LaunchCapture::Program *forward = capture.program("abc", "forward");
  forward->count(small);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int k = 0; k < 500; ++k) capture.program("abc", "forward")->count(smallProblem());
    });
  for (std::thread &thread : threads) thread.join();
  capture.program("abc", "backward")->count(small);
  capture.program("abc", "backward")->count(small);
  capture.write();
  EXPECT_EQ(readFile(capture.file).value_or(""), kHeading + "2,8,8,2048,2048,forward,abc,2000\n"
                                                            "2,8,8,256,256,backward,abc,2\n"
                                                            "2,8,8,256,256,forward,abc,1\n");
}

TEST(LaunchCapture, NothingLaunchedWritesNothing) {
  TemporaryFolder folder;
  LaunchCapture capture(folder.path / "shapes.csv");
  capture.program("abc", "forward");
  capture.write();
  EXPECT_FALSE(std::filesystem::exists(capture.file));
}

TEST(LaunchCapture, AForkedProcessDoesNotWriteWhatItsParentLaunched) {
  TemporaryFolder folder;
  LaunchCapture capture(folder.path / "shapes.csv");
  capture.program("abc", "forward")->count(smallProblem());
  ChildProcess child([&] {
    capture.write();
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(std::filesystem::exists(capture.file));
}

/// Loads the small bundle's forward program on the host's GPU and launches it three times.
static int launchThrice(const std::filesystem::path &file) {
  setenv("JVPGEN_CAPTURE", file.c_str(), 1);
  const KernelBundle bundle = smallBundle();
  CompiledVariant compiled{bundle.variants[0], {{}}};
  compiled.kernels[0].cubin = "lazy";
  DevicePointer gpu = *Device::open(hostDriver(), 0);
  Result<std::unique_ptr<CudaExecutable>> executable = load(bundle, compiled, gpu);
  if (!executable) return 2;
  const Problem problem = smallProblem();
  DeviceBuffer memory = *DeviceBuffer::allocate(gpu, size_t(2 * 8 * 2048 * 64) * 2);
  const TensorView view{memory.data(), DType::BF16, {8 * 2048 * 64, 2048 * 64, 64, 0}};
  const TensorMap tensors = {{"q", view}, {"o", view}};
  for (int k = 0; k < 3; ++k)
    if (!(*executable)->launch(problem, tensors, nullptr, nullptr)) return 3;
  std::exit(0); // as an application ends
}

TEST(LaunchCapture, AnApplicationsLaunchesAreWrittenWhenItEnds) {
  TemporaryFolder folder;
  ChildProcess child([&] { return launchThrice(folder.path / "shapes.csv"); });
  ASSERT_EQ(child.wait(), 0);
  int files = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder.path)) {
    ++files;
    EXPECT_EQ(readFile(entry.path()).value_or(""),
              kHeading + "2,8,8,2048,2048,forward," + std::string(64, 'a') + ",3\n");
  }
  EXPECT_EQ(files, 1);
}
