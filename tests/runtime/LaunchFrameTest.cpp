// Launches of the same shape with other addresses: what kernels receive is that of a fresh launch, what the driver is
// asked is not.
#include "runtime/launch/LaunchFrame.h"
#include "RecordingDriver.h"
#include "TinyBundle.h"
#include "runtime/launch/CudaExecutable.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <gmock/gmock.h>
#include <thread>

using namespace jvpgen;
using testing::HasSubstr;

namespace {
const Problem kProblem{.batch = 2, .heads = 2, .kv_heads = 1, .q_length = 40, .kv_length = 1};

/// The tiny bundle, whose first kernel also reads q through a map.
KernelBundle mappedBundle() {
  KernelBundle bundle = tinyBundle();
  bundle.variants[0].launches[0].maps = {{"q", "tile_m", 16}};
  return bundle;
}

/// q, o, lse at an address each, 16 MiB apart.
std::vector<TensorView> viewsAt(uintptr_t address, int64_t rows = 16) {
  auto at = [&](uintptr_t k) { return reinterpret_cast<void *>(address + (k << 24)); };
  return {{at(1), DType::BF16, {1280, 640, rows, 0}},
          {at(2), DType::BF16, {1280, 640, 16, 0}},
          {at(3), DType::F32, {80, 40, 1, 0}}};
}

void *const kWorkspace = reinterpret_cast<void *>(0x1000);

class LaunchPath : public testing::Test {
protected:
  void SetUp() override {
    driver = recordingDriver();
    CompiledKernel twice, copy;
    twice.kernel = "twice", copy.kernel = "copy_sums";
    auto loaded = load(bundle, {bundle.variants[0], {twice, copy}}, *Device::open(driver, 0));
    ASSERT_TRUE(loaded) << loaded.error().message;
    executable = std::move(*loaded);
  }
  Result<void> launch(const std::vector<TensorView> &views, void *workspace = kWorkspace,
                      const Problem &problem = kProblem) {
    return executable->launch(problem, views, workspace, nullptr);
  }
  KernelBundle bundle = mappedBundle();
  Driver driver;
  std::unique_ptr<CudaExecutable> executable;
};

const RecordedMap &mapOf(const Record::Grid &grid, size_t tensors) {
  KernelParameter &parameter = const_cast<KernelParameter &>(grid.parameter);
  return *reinterpret_cast<const RecordedMap *>(parameter.maps(tensors));
}
} // namespace

TEST_F(LaunchPath, OtherAddressesReachTheKernels) {
  ASSERT_TRUE(launch(viewsAt(0)));
  void *other_workspace = reinterpret_cast<void *>(0x2000);
  const std::vector<TensorView> moved = viewsAt(uintptr_t(1) << 40);
  ASSERT_TRUE(launch(moved, other_workspace));
  ASSERT_EQ(record.launches.size(), 4u);
  const Record::Grid &twice = record.launches[2], &copy = record.launches[3];
  EXPECT_EQ(twice.parameter.tensors[0].data, moved[0].data);
  EXPECT_EQ(twice.parameter.tensors[1].data, moved[1].data);
  EXPECT_EQ(twice.parameter.tensors[2].data, reinterpret_cast<void *>(0x2100)) << "a buffer of the workspace";
  EXPECT_EQ(mapOf(twice, 3).data, moved[0].data);
  EXPECT_EQ(mapOf(twice, 3).extent[1], 40u);
  EXPECT_EQ(copy.parameter.tensors[1].data, moved[2].data);
  EXPECT_EQ(copy.parameter.problem, kProblem);
  EXPECT_EQ(twice.parameter.tensors[0].stride[2], 16);
}

TEST_F(LaunchPath, TheDriverIsAskedOnce) {
  ASSERT_TRUE(launch(viewsAt(0)));
  EXPECT_EQ(record.maps_encoded, 1);
  EXPECT_EQ(record.pointers_asked, 4) << "three tensors and the workspace";
  for (uintptr_t k = 0; k < 100; ++k) ASSERT_TRUE(launch(viewsAt(64 * k)));
  EXPECT_EQ(record.maps_encoded, 1);
  EXPECT_EQ(record.maps_replaced, 100 - 1) << "the first one has not moved";
  EXPECT_EQ(record.pointers_asked, 4) << "the same pages";
  EXPECT_EQ(record.launch_count, 2 * 101);
  ASSERT_TRUE(launch(viewsAt(uintptr_t(1) << 40)));
  EXPECT_EQ(record.pointers_asked, 4 + 3) << "other pages, the same workspace";
}

TEST_F(LaunchPath, MemoryElsewhereIsRefusedEveryTime) {
  record.memory_ordinal = 1;
  for (int k = 0; k < 3; ++k) EXPECT_THAT(launch(viewsAt(0)).error().message, HasSubstr("not memory of that GPU"));
  EXPECT_EQ(record.launch_count, 0);
  record.memory_ordinal = 0;
  EXPECT_TRUE(launch(viewsAt(0))) << "a refusal is not remembered";
}

TEST_F(LaunchPath, WrongAddressesAreRefusedWithTheSameWordsAsAtFirst) {
  auto refusals = [&] {
    std::vector<std::string> out;
    auto refused = [&](const std::vector<TensorView> &views, void *workspace = kWorkspace) {
      Result<void> ok = launch(views, workspace);
      out.push_back(ok ? "launched" : ok.error().message);
    };
    std::vector<TensorView> views = viewsAt(0);
    views[0].data = nullptr;
    refused(views);
    views = viewsAt(8); // q is read by a map
    refused(views);
    views = viewsAt(0);
    views[2].data = static_cast<char *>(views[2].data) + 2;
    refused(views);
    refused(viewsAt(0), nullptr);
    refused(viewsAt(0), reinterpret_cast<void *>(0x1010));
    return out;
  };
  const std::vector<std::string> at_first = refusals();
  ASSERT_TRUE(launch(viewsAt(0)));
  const int launched = record.launch_count;
  EXPECT_EQ(refusals(), at_first);
  EXPECT_EQ(record.launch_count, launched);
  EXPECT_THAT(at_first[0], HasSubstr("'q': its address is null"));
  EXPECT_THAT(at_first[1], HasSubstr("its address is no multiple of 16 bytes"));
  EXPECT_THAT(at_first[2], HasSubstr("'lse': its address is no multiple of its 4-byte"));
  EXPECT_THAT(at_first[3], HasSubstr("it is null; allocate workspaceBytes(problem)"));
  EXPECT_THAT(at_first[4], HasSubstr("its address is none"));
  EXPECT_TRUE(launch(viewsAt(0)));
}

TEST_F(LaunchPath, ShapesAndStridesStayLaidOutSideBySide) {
  auto problemOf = [](int64_t length) {
    Problem problem = kProblem;
    problem.q_length = length;
    return problem;
  };
  for (int round = 0; round < 3; ++round)
    for (int64_t length = 1; length <= 4; ++length)
      for (int64_t rows : {16, 32}) ASSERT_TRUE(launch(viewsAt(0, rows), kWorkspace, problemOf(length)));
  EXPECT_EQ(record.maps_encoded, 8) << "as many as there are frames";
  for (size_t k = 0; k < record.launches.size(); k += 2) {
    const size_t which = k / 2 % 8;
    EXPECT_EQ(record.launches[k].parameter.problem.q_length, int64_t(which / 2 + 1));
    EXPECT_EQ(record.launches[k].parameter.tensors[0].stride[2], which % 2 ? 32 : 16);
  }
  ASSERT_TRUE(launch(viewsAt(0), kWorkspace, problemOf(9)));
  ASSERT_TRUE(launch(viewsAt(0, 32), kWorkspace, problemOf(4)));
  EXPECT_EQ(record.maps_encoded, 9) << "the one that goes is the one that was not launched for the longest";
  ASSERT_TRUE(launch(viewsAt(0, 16), kWorkspace, problemOf(1)));
  EXPECT_EQ(record.maps_encoded, 10);
}

TEST_F(LaunchPath, TheContextIsPushedOnlyWhereItIsNotCurrent) {
  ASSERT_TRUE(launch(viewsAt(0)));
  const int pushed = record.pushed;
  EXPECT_GT(pushed, 0);
  EXPECT_EQ(record.current, nullptr) << "and taken away again";
  ASSERT_EQ(driver.DevicePrimaryCtxRetain(&record.current, 0), 0);
  ASSERT_TRUE(launch(viewsAt(0)));
  EXPECT_EQ(record.pushed, pushed);
  EXPECT_NE(record.current, nullptr);
}

TEST_F(LaunchPath, ManyThreadsLaunchTheSameProgram) {
  record.keeps_launches = false;
  ASSERT_EQ(driver.DevicePrimaryCtxRetain(&record.current, 0), 0);
  driver.PointerGetAttributes = [](unsigned, int *, void **values, Driver::Address) {
    return *static_cast<unsigned *>(values[0]) = 2, *static_cast<int *>(values[1]) = 0, 0;
  };
  driver.TensorMapReplaceAddress = [](void *map, void *data) { return std::memcpy(map, &data, sizeof data), 0; };
  driver.TensorMapEncodeTiled = [](void *map, int, uint32_t, void *data, const uint64_t *, const uint64_t *,
                                   const uint32_t *, const uint32_t *, int, int, int,
                                   int) { return std::memcpy(map, &data, sizeof data), 0; };
  static std::atomic<int> wrong = 0, seen = 0;
  wrong = seen = 0;
  // Each thread has a length and an address of its own: a parameter that mixes two is wrong.
  driver.LaunchKernel = [](Driver::Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                           Driver::Stream stream, void **parameters, void **) {
    auto &parameter = *static_cast<KernelParameter *>(parameters[0]);
    const uintptr_t thread = reinterpret_cast<uintptr_t>(stream);
    auto owner = [&](int k) { return reinterpret_cast<uintptr_t>(parameter.tensors[k].data) >> 32; };
    const bool is_copy = owner(0) == 0; // its first tensor lies in the workspace
    wrong += parameter.problem.q_length != int64_t(thread) || owner(1) != thread || !(is_copy || owner(0) == thread);
    return ++seen, 0;
  };
  std::vector<std::thread> threads;
  constexpr int kThreads = 12, kLaunches = 2000; // more threads than frames
  for (uintptr_t t = 1; t <= kThreads; ++t)
    threads.emplace_back([&, t] {
      Problem problem = kProblem;
      problem.q_length = int64_t(t);
      for (uintptr_t k = 0; k < kLaunches; ++k)
        wrong += !executable->launch(problem, viewsAt((t << 32) + 64 * k), kWorkspace, reinterpret_cast<void *>(t));
    });
  for (std::thread &thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(seen, 2 * kThreads * kLaunches);
}

TEST_F(LaunchPath, OwnTimeOfALaunchIsUnderThreeMicroseconds) {
  record.keeps_launches = false;
  std::vector<double> times;
  for (uintptr_t k = 0; k < 1001; ++k) {
    const std::vector<TensorView> views = viewsAt(64 * (k % 16));
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(launch(views));
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + 500, times.end());
  EXPECT_LT(times[500], 3.0) << "microseconds beside the driver's, whose place a few instructions take here";
}
