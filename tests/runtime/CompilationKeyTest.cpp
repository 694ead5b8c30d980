// What names a kernel in the cache: every input of its compilation, and nothing else.
#include "TemporaryFolder.h"
#include "TinyBundle.h"
#include "runtime/abi/BundleFiles.h"
#include "runtime/jit/Compile.h"
#include "runtime/jit/TranslationUnit.h"
#include "schedule/ScheduleFields.h"

#include <fstream>
#include <gmock/gmock.h>
#include <set>

using namespace jvpgen;
namespace fs = std::filesystem;

namespace {
const std::string kCompiler = "library builtins";

/// Collects keys that all have to differ.
struct CompilationKeyTest : testing::Test {
  std::string keyOf(const KernelBundle &b, const std::vector<std::string> &options, const std::string &compiler) {
    return compilationKey(*translationUnit(b, b.variants[0].launches[0]), options, compiler);
  }
  void expectNew(const std::string &key, const std::string &what) { EXPECT_TRUE(keys.insert(key).second) << what; }

  KernelBundle bundle = tinyBundle();
  Launch &launch = bundle.variants[0].launches[0];
  std::vector<std::string> options = compilationOptions(launch, launch.schedule, {.arch = "sm_90a"});
  std::string original = keyOf(bundle, options, kCompiler);
  std::set<std::string> keys = {original};
};
} // namespace

TEST_F(CompilationKeyTest, DependsOnEveryOption) {
  expectNew(keyOf(bundle, compilationOptions(launch, launch.schedule, {.arch = "sm_90"}), kCompiler), "arch");
  for (const ScheduleField &field : kScheduleFields) {
    Schedule changed = launch.schedule;
    ++(changed.*field.value);
    const std::string key = keyOf(bundle, compilationOptions(launch, changed, {.arch = "sm_90a"}), kCompiler);
    if (field.is_compiled)
      expectNew(key, field.name);
    else
      EXPECT_EQ(key, original) << field.name;
  }
  for (size_t k = 0; k < options.size(); ++k) {
    std::vector<std::string> changed = options, fewer = options;
    changed[k] += "0";
    fewer.erase(fewer.begin() + std::ptrdiff_t(k));
    expectNew(keyOf(bundle, changed, kCompiler), options[k]);
    expectNew(keyOf(bundle, fewer, kCompiler), "without " + options[k]);
  }
  std::vector<std::string> joined = options;
  joined[0] += joined[1];
  joined.erase(joined.begin() + 1);
  expectNew(keyOf(bundle, joined, kCompiler), "two options as one");
}

TEST_F(CompilationKeyTest, DependsOnEveryText) {
  for (size_t k : {0, 2, 3}) { // the source and the two templates that it reaches
    KernelBundle changed = bundle;
    for (size_t at : {size_t(0), changed.files[k].text.size() / 2, changed.files[k].text.size()}) {
      changed.files[k].text.insert(at, " ");
      expectNew(keyOf(changed, options, kCompiler), changed.files[k].name);
    }
  }
  KernelBundle renamed = bundle;
  renamed.files[0].name = renamed.variants[0].launches[0].source = "thrice.cu";
  expectNew(keyOf(renamed, options, kCompiler), "the source's name");
  renamed = bundle;
  renamed.files[2].name = "other.cuh";
  std::string &text = renamed.files[0].text;
  text.replace(text.find("abi.cuh"), 7, "other.cuh");
  expectNew(keyOf(renamed, options, kCompiler), "a header's name");
}

TEST_F(CompilationKeyTest, DependsOnNothingElse) {
  KernelBundle other = bundle;
  other.name = "other";
  other.digest = std::string(64, '1');
  other.files[1].text += " "; // another kernel's source
  other.files.push_back({"unreached.cuh", "#error\n"});
  std::swap(other.files[2], other.files[3]);
  EXPECT_EQ(keyOf(other, options, kCompiler), original);
}

/// The build ids stand in the first bytes of both libraries, which is all that is read of them.
TEST_F(CompilationKeyTest, DependsOnTheCompilersBuildsAndNotOnTheirPlace) {
  Result<NvrtcFiles> real = findNvrtc(Environment::ofProcess());
  ASSERT_TRUE(real) << real.error().message;
  TemporaryFolder folder;
  auto installed = [&](const char *name, const fs::path &changed) {
    fs::create_directory(folder.path / name);
    for (const fs::path &library : {real->library, real->builtins}) {
      std::string head(2000, '\0');
      std::ifstream(library, std::ios::binary).read(head.data(), std::streamsize(head.size()));
      const size_t id = head.find(std::string("GNU\0", 4)); // the note's name; the build id follows it
      EXPECT_NE(id, std::string::npos);
      if (library == changed) head[id + 4] = char(head[id + 4] ^ 1);
      std::ofstream(folder.path / name / library.filename(), std::ios::binary) << head;
    }
    Environment environment;
    environment.nvrtc = (folder.path / name).string();
    Result<NvrtcFiles> files = findNvrtc(environment);
    EXPECT_TRUE(files) << files.error().message;
    return files ? keyOf(bundle, options, files->build_ids) : "";
  };
  const std::string here = keyOf(bundle, options, real->build_ids);
  expectNew(here, "the real compiler");
  EXPECT_EQ(installed("moved", {}), here);
  expectNew(installed("other_library", real->library), "the library's build");
  expectNew(installed("other_builtins", real->builtins), "the builtins' build");
}

TEST_F(CompilationKeyTest, MovedBundleKeepsItsKeys) {
  TemporaryFolder folder;
  ASSERT_TRUE(writeBundle(bundle, folder.path / "here"));
  fs::create_directories(folder.path / "away/from");
  fs::rename(folder.path / "here", folder.path / "away/from/there");
  Result<KernelBundle> moved = readBundle(folder.path / "away/from/there");
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(keyOf(*moved, options, kCompiler), original);
}
