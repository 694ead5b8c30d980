// Many processes at one cache: one compilation, and no entry that a killed one could spoil.
#include "ChildProcess.h"
#include "RefusedCalls.h"
#include "TemporaryFolder.h"
#include "TinyBundle.h"
#include "runtime/jit/Compile.h"
#include "support/FileLock.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <thread>

using namespace jvpgen;
namespace fs = std::filesystem;

namespace {
constexpr int kProcesses = 32;

/// A child's exit status.
enum Outcome { Found = 0, Made = 1, Wrong = 2 };

struct Counts {
  int found = 0, made = 0, wrong = 0;
};
} // namespace

/// All children ask at once, each with a cache of its own.
template <typename Ask> static Counts askAtOnce(Ask ask) {
  Gate gate;
  std::vector<ChildProcess> children;
  for (int k = 0; k < kProcesses; ++k)
    children.emplace_back([&] {
      gate.wait();
      return int(ask());
    });
  gate.open();
  Counts counts;
  for (ChildProcess &child : children) {
    int status = child.wait();
    ++(status == Found ? counts.found : status == Made ? counts.made : counts.wrong);
  }
  return counts;
}

static Outcome ask(const fs::path &path) {
  auto slow = []() -> Result<std::string> {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return std::string(100000, 'x');
  };
  Result<KernelCache::Answer> answer = KernelCache(path, nullptr).obtain("key", slow);
  return !answer || *answer->payload != std::string(100000, 'x') ? Wrong : answer->made ? Made : Found;
}

/// In a child that has five seconds.
static int askSoon(const fs::path &path) {
  ChildProcess child([&] {
    alarm(5);
    return int(ask(path));
  });
  return child.wait();
}

TEST(CacheProcesses, OneOfAllMakes) {
  TemporaryFolder folder;
  Counts counts = askAtOnce([&] { return ask(folder.path / "kernels"); });
  EXPECT_EQ(counts.made, 1);
  EXPECT_EQ(counts.found, kProcesses - 1);
}

TEST(CacheProcesses, WithoutLocksSeveralMakeAndAllAreRight) {
  TemporaryFolder folder;
  Refusing refusing({.flock = ENOLCK});
  Counts counts = askAtOnce([&] { return ask(folder.path / "kernels"); });
  EXPECT_GT(counts.made, 1);
  EXPECT_EQ(counts.wrong, 0);
  EXPECT_EQ(ask(folder.path / "kernels"), Found);
}

/// Loading it costs more than a kernel from the cache may.
static bool nvrtcIsLoaded() {
  std::ifstream maps("/proc/self/maps");
  std::string text((std::istreambuf_iterator<char>(maps)), {});
  return text.find("libnvrtc") != std::string::npos;
}

TEST(CacheProcesses, OneOfAllCompiles) {
  Result<NvrtcFiles> files = findNvrtc(Environment::ofProcess());
  ASSERT_TRUE(files) << files.error().message;
  TemporaryFolder folder;
  KernelBundle bundle = tinyBundle();
  const Launch &launch = bundle.variants[0].launches[0];
  Counts counts = askAtOnce([&] {
    auto compiler = *KernelCompiler::create(*files, folder.path / "kernels", nullptr);
    Result<CompiledKernel> kernel = compiler->compile(bundle, launch, launch.schedule, {.arch = "sm_90a"});
    if (!kernel || kernel->cubin.substr(1, 3) != "ELF" || nvrtcIsLoaded() == kernel->cached) return Wrong;
    return kernel->cached ? Found : Made;
  });
  EXPECT_EQ(counts.made, 1);
  EXPECT_EQ(counts.found, kProcesses - 1);
}

TEST(CacheProcesses, LockOfAKilledProcessIsFree) {
  TemporaryFolder folder;
  const fs::path path = folder.path / "kernels", entered = folder.path / "entered";
  ChildProcess child([&] {
    auto endless = [&]() -> Result<std::string> {
      close(open(entered.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
      while (true) pause();
    };
    return int(KernelCache(path, nullptr).obtain("key", endless).has_value());
  });
  while (!fs::exists(entered)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  child.kill();
  EXPECT_EQ(askSoon(path), Made);
}

TEST(CacheProcesses, LockOfAStoppedProcessIsNotWaitedForForEver) {
  TemporaryFolder folder;
  const fs::path file = folder.path / "lock";
  {
    FileLock one(file), other(file, std::chrono::milliseconds(20));
    EXPECT_TRUE(one.held());
    EXPECT_FALSE(other.held());
  }
  EXPECT_TRUE(FileLock(file).held());
}

/// A thread may fork at any moment, and the child then holds the parent's open files for as long as it lives.
TEST(CacheProcesses, ForkedChildHoldsNoLock) {
  TemporaryFolder folder;
  const fs::path path = folder.path / "kernels";
  std::vector<ChildProcess> children;
  auto forks = [&]() -> Result<std::string> {
    children.emplace_back([] { return pause(); });
    return fail(ErrorKind::Invalid, "nothing is made");
  };
  EXPECT_FALSE(KernelCache(path, nullptr).obtain("key", forks));
  EXPECT_EQ(askSoon(path), Made);
}

/// The one right payload of a key.
static std::string payloadOf(int key) { return std::string(size_t(20000 + 3000 * key), char('a' + key)); }

TEST(CacheProcesses, KilledAtAnyMomentNothingIsWrong) {
  constexpr int kKeys = 12, kRounds = 100;
  const size_t limit = 150000; // four entries or so: much is written and evicted
  TemporaryFolder folder;
  const fs::path path = folder.path / "kernels";
  std::mt19937 random(1);
  auto work = [&](unsigned seed) {
    for (std::mt19937 order(seed);;) {
      const int key = int(order() % kKeys);
      KernelCache cache(path, nullptr, limit);
      cache.obtain(std::to_string(key), [&]() -> Result<std::string> { return payloadOf(key); }).value();
    }
    return 0;
  };
  Refusing disk({.fsync_pause_us = 300});
  int found = 0;
  for (int round = 0; round < kRounds; ++round) {
    ChildProcess one([&] { return work(random()); }), two([&, seed = random()] { return work(unsigned(seed)); });
    std::this_thread::sleep_for(std::chrono::microseconds(2000 + random() % 8000));
    one.kill();
    two.kill();
    CacheFolder cache(path, nullptr, limit);
    for (int key = 0; key < kKeys; ++key)
      if (fs::exists(path / std::to_string(key))) {
        EXPECT_EQ(cache.load(std::to_string(key)), payloadOf(key)) << "round " << round;
        ++found;
      }
  }
  EXPECT_GT(found, kRounds);
  auto abandoned = [&](const fs::directory_entry &file) { return file.path().has_extension(); };
  EXPECT_TRUE(std::any_of(fs::directory_iterator(path), fs::directory_iterator(), abandoned)) << "none died writing";
  for (int key = 0; key < kKeys; ++key) {
    auto make = [&]() -> Result<std::string> { return payloadOf(key); };
    EXPECT_EQ(*KernelCache(path, nullptr).obtain(std::to_string(key), make)->payload, payloadOf(key));
  }
}
