#include "compiler/spec/AttentionSpec.h"
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace jvpgen;

static std::string readFile(const std::filesystem::path &path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(ParseSpec, EveryExampleParsesAndPrintsToItself) {
  int count = 0;
  for (const auto &entry : std::filesystem::directory_iterator(JVPGEN_SOURCE_DIR "/examples/specs")) {
    ++count;
    auto spec = parseSpec(readFile(entry.path()), entry.path().string());
    ASSERT_TRUE(spec) << spec.error().text();
    EXPECT_EQ(spec->name, entry.path().stem().string());
    auto again = parseSpec(print(*spec), "printed");
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(print(*again), print(*spec));
  }
  EXPECT_GE(count, 10);
}
