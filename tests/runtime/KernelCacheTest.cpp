// The cache's folder: whose it may be, and where it is.
#include "runtime/jit/KernelCache.h"
#include "TemporaryFolder.h"

#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

using namespace jvpgen;
using testing::HasSubstr;
namespace fs = std::filesystem;

TEST(KernelCache, FolderFollowsTheDesktopRules) {
  Environment environment;
  EXPECT_EQ(kernelCacheFolder(environment), "");
  environment.home = "/home/someone";
  EXPECT_EQ(kernelCacheFolder(environment), "/home/someone/.cache/jvpgen/kernels");
  environment.cache_home = "relative";
  EXPECT_EQ(kernelCacheFolder(environment), "/home/someone/.cache/jvpgen/kernels");
  environment.cache_home = "/caches";
  EXPECT_EQ(kernelCacheFolder(environment), "/caches/jvpgen/kernels");
}

TEST(KernelCache, KeepsBytes) {
  TemporaryFolder folder;
  KernelCache cache(folder.path / "a/b", nullptr);
  std::string payload("any\0bytes\n", 10);
  EXPECT_FALSE(cache.load("key"));
  cache.store("key", payload);
  EXPECT_EQ(cache.load("key"), payload);
  EXPECT_FALSE(cache.load("other"));
  cache.store("key", "");
  EXPECT_EQ(cache.load("key"), "");
}

TEST(KernelCache, FolderThatOthersMayWriteToIsNotRead) {
  TemporaryFolder folder;
  std::vector<std::string> warnings;
  KernelCache cache(folder.path, [&](const std::string &message) { warnings.push_back(message); });
  cache.store("key", "value");
  EXPECT_EQ(cache.load("key"), "value");
  fs::permissions(folder.path, fs::perms::others_write, fs::perm_options::add);
  EXPECT_FALSE(cache.load("key"));
  EXPECT_FALSE(cache.load("key"));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("can be written to by others; `chmod 700` it"));
}

TEST(KernelCache, FolderOfAnotherUserIsNotRead) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  TemporaryFolder folder;
  KernelCache cache(folder.path, nullptr);
  cache.store("key", "value");
  ASSERT_EQ(chown(folder.path.c_str(), 12345, 12345), 0);
  EXPECT_FALSE(cache.load("key"));
  EXPECT_THAT(cache.usable().error().message, HasSubstr("belongs to another user"));
}

TEST(KernelCache, FailureToWriteIsOneWarning) {
  TemporaryFolder folder;
  std::vector<std::string> warnings;
  KernelCache cache(folder.path, [&](const std::string &message) { warnings.push_back(message); });
  fs::create_directory(folder.path / "key"); // no file can be renamed onto a folder
  cache.store("key", "value");
  cache.store("key", "value");
  EXPECT_EQ(warnings.size(), 1u);
  EXPECT_FALSE(cache.load("key"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()),
            1); // nothing is left beside it
}
