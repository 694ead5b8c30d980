// Build ids of real files and of broken ones.
#include "runtime/jit/Elf.h"
#include "TemporaryFolder.h"
#include "runtime/jit/Nvrtc.h"

#include <fstream>
#include <gmock/gmock.h>

using namespace jvpgen;

TEST(Elf, BuildIdOfALibrary) {
  Result<NvrtcFiles> files = findNvrtc(Environment::ofProcess());
  ASSERT_TRUE(files) << files.error().message;
  Result<std::string> library = readBuildId(files->library), builtins = readBuildId(files->builtins);
  ASSERT_TRUE(library && builtins);
  EXPECT_THAT(*library, testing::MatchesRegex("[0-9a-f]{40}"));
  EXPECT_NE(*library, *builtins);
  EXPECT_EQ(files->build_ids, *library + " " + *builtins);
}

TEST(Elf, EveryTruncationIsRefused) {
  Result<NvrtcFiles> files = findNvrtc(Environment::ofProcess());
  ASSERT_TRUE(files) << files.error().message;
  std::ifstream in(files->builtins, std::ios::binary);
  std::string head(2000, '\0');
  in.read(head.data(), 2000);
  TemporaryFolder folder;
  std::filesystem::path path = folder.path / "library.so";
  size_t whole = 0;
  for (size_t size = 0; size <= head.size(); size += 40) {
    std::ofstream(path, std::ios::binary) << head.substr(0, size);
    Result<std::string> id = readBuildId(path);
    if (id)
      whole = whole ? whole : size;
    else
      EXPECT_EQ(whole, 0u) << size;
  }
  EXPECT_FALSE(readBuildId(folder.path / "absent.so"));
}
