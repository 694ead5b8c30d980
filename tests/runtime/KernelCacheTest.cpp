// One maker among threads; what is kept in memory; what is asked of a folder that cannot be used.
#include "runtime/jit/KernelCache.h"
#include "ChildProcess.h"
#include "RefusedCalls.h"
#include "TemporaryFolder.h"
#include "support/AtomicFile.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <gmock/gmock.h>
#include <thread>

using namespace jvpgen;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {
struct KernelCacheTest : testing::Test {
  /// A stand-in for a compiler that counts.
  KernelCache::Make make(std::string payload = "machine code") {
    return [this, payload]() -> Result<std::string> {
      ++made;
      return payload;
    };
  }
  CacheFolder::Warn warn = [this](const std::string &message) { warnings.push_back(message); };
  TemporaryFolder folder;
  std::atomic<int> made = 0;
  std::vector<std::string> warnings;
};
} // namespace

TEST_F(KernelCacheTest, MemoryThenDiskThenMade) {
  const fs::path path = folder.path / "kernels";
  KernelCache first(path, warn);
  EXPECT_TRUE(first.obtain("key", make())->made);
  Result<KernelCache::Answer> again = first.obtain("key", make());
  EXPECT_FALSE(again->made);
  EXPECT_EQ(*again->payload, "machine code");
  EXPECT_FALSE(KernelCache(path, warn).obtain("key", make())->made) << "from disk";
  fs::remove_all(path);
  EXPECT_EQ(first.obtain("key", make())->payload, again->payload) << "the same bytes, and nothing was read";
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(made, 1);
  EXPECT_TRUE(KernelCache(path, warn).obtain("key", make())->made);
  EXPECT_TRUE(warnings.empty());
}

TEST_F(KernelCacheTest, MemoryIsBounded) {
  KernelCache cache({}, warn, kCacheLimit, 300);
  const std::string payload(100, 'x');
  for (const char *key : {"a", "b", "c"}) EXPECT_TRUE(cache.obtain(key, make(payload))->made);
  EXPECT_FALSE(cache.obtain("a", make(payload))->made);
  EXPECT_TRUE(cache.obtain("d", make(payload))->made); // b goes
  for (const char *key : {"a", "c", "d"}) EXPECT_FALSE(cache.obtain(key, make(payload))->made) << key;
  EXPECT_TRUE(cache.obtain("b", make(payload))->made);
  EXPECT_EQ(*cache.obtain("large", make(std::string(400, 'y')))->payload, std::string(400, 'y'));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(KernelCacheTest, ThreadsMakeOnce) {
  KernelCache cache({}, warn);
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int k = 0; k < 16; ++k)
    threads.emplace_back([&] {
      auto slow = [&]() -> Result<std::string> {
        ++made;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return "machine code";
      };
      right += *cache.obtain("key", slow)->payload == "machine code";
    });
  for (std::thread &thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(right, 16);
}

TEST_F(KernelCacheTest, FailureIsKeptNowhere) {
  KernelCache cache(folder.path / "kernels", warn);
  Result<KernelCache::Answer> failed =
      cache.obtain("key", []() -> Result<std::string> { return fail(ErrorKind::Invalid, "no such arch"); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "no such arch");
  EXPECT_TRUE(cache.obtain("key", make())->made);
}

TEST_F(KernelCacheTest, DamagedEntryIsMadeAgain) {
  const fs::path path = folder.path / "kernels";
  KernelCache(path, warn).obtain("key", make()).value();
  ASSERT_TRUE(writeFile(path / "key", "damaged"));
  EXPECT_TRUE(KernelCache(path, warn).obtain("key", make())->made);
  EXPECT_FALSE(KernelCache(path, warn).obtain("key", make())->made);
}

TEST_F(KernelCacheTest, WithoutLocksItMakesAndKeeps) {
  for (int code : {ENOLCK, ENOSYS, EOPNOTSUPP}) {
    const std::string key = "key" + std::to_string(code);
    Refusing refusing({.flock = code});
    EXPECT_TRUE(KernelCache(folder.path / "kernels", warn).obtain(key, make())->made);
    EXPECT_FALSE(KernelCache(folder.path / "kernels", warn).obtain(key, make())->made);
  }
  EXPECT_TRUE(warnings.empty());
}

TEST_F(KernelCacheTest, FullDiskDoesNotMatterWithinTheProcess) {
  KernelCache cache(folder.path / "kernels", warn);
  Refusing refusing({.fsync = ENOSPC});
  EXPECT_TRUE(cache.obtain("key", make())->made);
  EXPECT_FALSE(cache.obtain("key", make())->made);
  EXPECT_TRUE(cache.obtain("other", make())->made);
  EXPECT_EQ(warnings.size(), 1u);
}

/// As a user who is not root, to whom permissions apply.
TEST_F(KernelCacheTest, ReadOnlyFolderIsReadAndIsOneWarning) {
  const fs::path path = folder.path / "kernels";
  KernelCache(path, warn).obtain("before", make()).value();
  const uid_t user = geteuid() ? geteuid() : 12345;
  fs::permissions(folder.path, fs::perms(0711));
  for (const fs::path &part : {path, path / "locks", path / "before"}) {
    fs::permissions(part, fs::perms(0500));
    ASSERT_EQ(chown(part.c_str(), user, gid_t(-1)), 0);
  }
  made = 0;
  ChildProcess child([&] {
    if (setuid(user)) return 10;
    KernelCache cache(path, warn);
    if (cache.obtain("before", make())->made || !warnings.empty()) return 11;
    if (!cache.obtain("one", make())->made || !cache.obtain("two", make())->made) return 12;
    if (warnings.size() != 1 || warnings[0].find("Permission denied") == std::string::npos) return 13;
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  for (const fs::path &part : {path, path / "locks"}) fs::permissions(part, fs::perms::owner_all);
}
