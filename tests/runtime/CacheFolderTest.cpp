// The cache on disk: whose folder it may be, what an entry that was touched is worth, what goes when it is full.
#include "runtime/jit/CacheFolder.h"
#include "ChildProcess.h"
#include "RefusedCalls.h"
#include "TemporaryFolder.h"
#include "support/AtomicFile.h"

#include <cerrno>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/stat.h>

using namespace jvpgen;
using testing::HasSubstr;
using testing::UnorderedElementsAreArray;
namespace fs = std::filesystem;

namespace {
class CacheFolderTest : public testing::Test {
protected:
  CacheFolder open(const fs::path &path, size_t limit = kCacheLimit) {
    return CacheFolder(path, [this](const std::string &message) { warnings.push_back(message); }, limit);
  }
  std::vector<std::string> names(const fs::path &path) {
    std::vector<std::string> out;
    for (const fs::directory_entry &file : fs::directory_iterator(path))
      if (file.is_regular_file()) out.push_back(file.path().filename());
    return out;
  }
  TemporaryFolder folder;
  std::vector<std::string> warnings;
};
} // namespace

TEST_F(CacheFolderTest, FollowsTheDesktopRules) {
  Environment environment;
  EXPECT_EQ(kernelCacheFolder(environment), "");
  environment.home = "/home/someone";
  EXPECT_EQ(kernelCacheFolder(environment), "/home/someone/.cache/jvpgen/kernels");
  environment.cache_home = "relative";
  EXPECT_EQ(kernelCacheFolder(environment), "/home/someone/.cache/jvpgen/kernels");
  environment.cache_home = "/caches";
  EXPECT_EQ(kernelCacheFolder(environment), "/caches/jvpgen/kernels");
}

TEST_F(CacheFolderTest, LimitIsASize) {
  auto limit = [](const char *text) {
    Environment environment;
    environment.cache_limit = text;
    return kernelCacheLimit(environment);
  };
  EXPECT_EQ(limit("").value(), kCacheLimit);
  EXPECT_EQ(limit("0").value(), 0u);
  EXPECT_EQ(limit("1000").value(), 1000u);
  EXPECT_EQ(limit("3K").value(), 3u << 10);
  EXPECT_EQ(limit("512M").value(), 512u << 20);
  EXPECT_EQ(limit("2G").value(), size_t(2) << 30);
  for (const char *wrong : {"-1", "1.5G", "12 M", "M", "1T", "1GB", " 1", "99999999999999999999", "99999999999999G"}) {
    Result<size_t> refused = limit(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.error().message, HasSubstr(std::string("JVPGEN_CACHE_LIMIT is '") + wrong));
  }
}

TEST_F(CacheFolderTest, KeepsBytes) {
  CacheFolder cache = open(folder.path / "a/b");
  std::string payload("any\0bytes\n", 10);
  EXPECT_FALSE(cache.load("key"));
  cache.store("key", payload);
  EXPECT_EQ(cache.load("key"), payload);
  EXPECT_FALSE(cache.load("other"));
  cache.store("key", "");
  EXPECT_EQ(cache.load("key"), "");
  EXPECT_TRUE(warnings.empty());
}

TEST_F(CacheFolderTest, WhatItMakesIsForTheUserAlone) {
  const mode_t before = umask(0);
  open(folder.path / "home/jvpgen/kernels").store("key", "value");
  umask(before);
  for (const char *made : {"home", "home/jvpgen", "home/jvpgen/kernels", "home/jvpgen/kernels/locks"})
    EXPECT_EQ(fs::status(folder.path / made).permissions(), fs::perms::owner_all) << made;
}

TEST_F(CacheFolderTest, WhatOthersMayWriteToIsNotRead) {
  CacheFolder cache = open(folder.path / "outer/kernels");
  cache.store("key", "value");
  for (const fs::path &open : {cache.path, cache.path.parent_path()})
    for (fs::perms others : {fs::perms::others_write, fs::perms::group_write}) {
      EXPECT_EQ(cache.load("key"), "value");
      fs::permissions(open, others, fs::perm_options::add);
      EXPECT_FALSE(cache.load("key")) << open;
      cache.store("key", "other");
      fs::permissions(open, others, fs::perm_options::remove);
    }
  EXPECT_EQ(cache.load("key"), "value");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("can be written to by others; `chmod 700` it"));
}

TEST_F(CacheFolderTest, WhatBelongsToAnotherUserIsNotRead) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  CacheFolder cache = open(folder.path / "outer/kernels");
  cache.store("key", "value");
  for (const fs::path &given : {cache.path, cache.path.parent_path()}) {
    ASSERT_EQ(chown(given.c_str(), 12345, 12345), 0);
    EXPECT_FALSE(cache.load("key"));
    EXPECT_THAT(cache.usable().error().message, HasSubstr("belongs to another user"));
    ASSERT_EQ(chown(given.c_str(), 0, 0), 0);
  }
  EXPECT_EQ(cache.load("key"), "value");
}

TEST_F(CacheFolderTest, LinkInItsPlaceIsNotFollowed) {
  open(folder.path / "elsewhere").store("key", "value");
  fs::create_symlink(folder.path / "elsewhere", folder.path / "kernels");
  EXPECT_FALSE(open(folder.path / "kernels").load("key"));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("is not a folder; remove it"));
}

TEST_F(CacheFolderTest, EveryDamagedByteIsAMiss) {
  CacheFolder cache = open(folder.path / "kernels");
  cache.store("key", "40 0 1024 0\nmachine code");
  const std::string entry = *readFile(cache.path / "key");
  auto missWith = [&](const std::string &bytes) {
    std::ofstream(cache.path / "key", std::ios::binary) << bytes;
    return !cache.load("key");
  };
  for (size_t k = 0; k < entry.size(); ++k) {
    std::string damaged = entry;
    damaged[k] = char(damaged[k] ^ (1 << k % 8));
    EXPECT_TRUE(missWith(damaged)) << "byte " << k;
    EXPECT_TRUE(missWith(entry.substr(0, k))) << "the first " << k << " bytes";
  }
  EXPECT_TRUE(missWith(entry + '\0'));
  EXPECT_FALSE(missWith(entry));
  ASSERT_TRUE(writeFile(cache.path / "other", entry));
  EXPECT_FALSE(cache.load("other")) << "an entry under another's name";
  EXPECT_TRUE(warnings.empty());
}

TEST_F(CacheFolderTest, EvictsWhatWasUsedLongestAgo) {
  const size_t bytes = 1065; // of an entry: the digest, the line's end, the payload
  CacheFolder cache = open(folder.path / "kernels", 4 * bytes);
  const std::string payload(1000, 'x');
  for (const char *key : {"a", "b", "c", "d"}) {
    cache.lockFile(key);
    ASSERT_TRUE(writeFile(cache.path / "locks" / key, ""));
    cache.store(key, payload);
  }
  EXPECT_THAT(names(cache.path), UnorderedElementsAreArray({"a", "b", "c", "d"}));
  auto age = [&](const char *key, int seconds) {
    fs::last_write_time(cache.path / key, fs::file_time_type::clock::now() - std::chrono::seconds(seconds));
  };
  age("a", 40), age("b", 10), age("c", 30), age("d", 20);
  EXPECT_TRUE(cache.load("a")); // now the one used last
  cache.store("e", payload);
  EXPECT_THAT(names(cache.path), UnorderedElementsAreArray({"a", "b", "d", "e"}));
  cache.store("f", payload + payload);
  EXPECT_THAT(names(cache.path), UnorderedElementsAreArray({"a", "e", "f"}));
  EXPECT_EQ(cache.contents().entries, 3u);
  EXPECT_EQ(cache.contents().bytes, 4 * bytes - 65);
  cache.store("g", std::string(5 * bytes, 'x'));
  EXPECT_THAT(names(cache.path), UnorderedElementsAreArray(std::vector<std::string>{}));
  EXPECT_THAT(names(cache.path / "locks"), UnorderedElementsAreArray({"a", "b", "c", "d"}));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(CacheFolderTest, RemovesWhatKilledWritersLeft) {
  CacheFolder cache = open(folder.path / "kernels");
  cache.store("key", "value");
  ASSERT_TRUE(writeFile(cache.path / "old.AbCdEf", "half"));
  ASSERT_TRUE(writeFile(cache.path / "new.AbCdEf", "half"));
  fs::last_write_time(cache.path / "old.AbCdEf", fs::file_time_type::clock::now() - std::chrono::hours(2));
  cache.store("key", "value");
  EXPECT_THAT(names(cache.path), UnorderedElementsAreArray({"key", "new.AbCdEf"}));
  EXPECT_EQ(cache.contents().entries, 1u);
}

TEST_F(CacheFolderTest, FullDiskIsOneWarning) {
  CacheFolder cache = open(folder.path / "kernels");
  cache.store("before", "value");
  {
    Refusing refusing({.fsync = ENOSPC});
    cache.store("key", "value");
    cache.store("key", "value");
  }
  EXPECT_THAT(names(cache.path), UnorderedElementsAreArray({"before"}));
  EXPECT_EQ(cache.load("before"), "value");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("cannot be written to"));
  EXPECT_THAT(warnings[0], HasSubstr("No space left on device"));
}

TEST_F(CacheFolderTest, ReadOnlyFileSystemIsOneWarning) {
  CacheFolder cache = open(folder.path / "kernels");
  cache.store("before", "value");
  Refusing refusing({.mkostemp = EROFS});
  EXPECT_EQ(cache.load("before"), "value");
  EXPECT_TRUE(warnings.empty()) << "reading needs no leave to write";
  cache.store("key", "value");
  cache.store("key", "value");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("Read-only file system"));
}

TEST_F(CacheFolderTest, FileInItsPlaceIsOneWarning) {
  ASSERT_TRUE(writeFile(folder.path / "file", "x"));
  CacheFolder cache = open(folder.path / "file/kernels");
  cache.store("key", "value");
  EXPECT_FALSE(cache.load("key"));
  ASSERT_EQ(warnings.size(), 1u);
}
