// Each file of tests/spec/bad is wrong in one way; its first line is a comment with the whole message, place included.
#include "compiler/spec/AttentionSpec.h"
#include "tests/spec/TextFile.h"
#include <gtest/gtest.h>

using namespace jvpgen;

class BadSpec : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(BadSpec, IsRefusedWithItsMessage) {
  std::string text = test::readFile(GetParam()), file = GetParam().filename().string();
  ASSERT_TRUE(text.starts_with("# "));
  auto spec = parseSpec(text, file);
  ASSERT_FALSE(spec) << "parsed to\n" << print(*spec);
  EXPECT_EQ(spec.error().kind, ErrorKind::Invalid);
  EXPECT_EQ(spec.error().text(), file + ":" + text.substr(2, text.find('\n') - 2));
}

// Cause and remedy stand on the two sides of a semicolon.
TEST_P(BadSpec, MessageHasARemedy) {
  auto spec = parseSpec(test::readFile(GetParam()), "bad.toml");
  ASSERT_FALSE(spec);
  size_t remedy = spec.error().message.rfind("; ");
  ASSERT_NE(remedy, std::string::npos) << spec.error().message;
  EXPECT_LT(remedy + 2, spec.error().message.size());
}

INSTANTIATE_TEST_SUITE_P(All, BadSpec, testing::ValuesIn(test::filesIn("tests/spec/bad")),
                         [](const auto &info) { return info.param.stem().string(); });

TEST(BadSpecs, AreMany) { EXPECT_GE(test::filesIn("tests/spec/bad").size(), 45u); }

static std::string messageOf(std::string_view toml) {
  auto spec = parseSpec(toml, "a.toml");
  return spec ? "parsed" : spec.error().text();
}

TEST(BadSpecs, BytesThatAreNoTextAreRefused) {
  EXPECT_NE(messageOf(std::string_view("score = \"z\0\"", 12)), "parsed");
  EXPECT_NE(messageOf("name = \"\xff\xfe\""), "parsed");
  EXPECT_NE(messageOf(std::string(300000, ' ')), "parsed");
}

TEST(BadSpecs, HostileNestingDoesNotOverflowTheStack) {
  std::string dotted = "a", brackets = "window = " + std::string(100000, '[');
  for (int i = 0; i < 60000; ++i) dotted += ".a";
  EXPECT_NE(messageOf(dotted + " = 1"), "parsed");
  EXPECT_NE(messageOf("[" + dotted + "]"), "parsed");
  EXPECT_NE(messageOf(brackets), "parsed");
  EXPECT_NE(messageOf("score = \"" + std::string(100000, '(') + "\""), "parsed");
  EXPECT_NE(messageOf("score = \"" + std::string(100000, '-') + "z\""), "parsed");
  std::string chain = "z";
  for (int i = 0; i < 50000; ++i) chain += "+z";
  EXPECT_NE(messageOf("score = \"" + chain + "\""), "parsed");
}

TEST(BadSpecs, PlacesAreRightInEveryKindOfString) {
  auto placeOf = [](std::string_view toml) { return messageOf(toml).substr(0, messageOf(toml).find(": error")); };
  EXPECT_EQ(placeOf("score = 'z + yy'"), "a.toml:1:14");
  EXPECT_EQ(placeOf("score = \"\"\"z +\n  yy\"\"\""), "a.toml:2:3");
  EXPECT_EQ(placeOf("score = '''\nz + yy'''"), "a.toml:2:5");
  EXPECT_EQ(placeOf("score = '''\r\nz +\r\n yy'''"), "a.toml:3:2");
  EXPECT_EQ(placeOf("score = \"\"\"\\\n   z + \\\n   yy\"\"\""), "a.toml:3:4");
  EXPECT_EQ(placeOf("score = \"z \\u002b yy\""), "a.toml:1:19");
  EXPECT_EQ(placeOf("\"score\" = \"yy\""), "a.toml:1:12");
  EXPECT_EQ(placeOf("# \xc3\xa9\nscore = \"yy\""), "a.toml:2:10");
}
