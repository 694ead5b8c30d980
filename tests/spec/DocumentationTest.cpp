// The reference of specifications: its examples parse, and it names every key, function and variable that there is.
#include "compiler/spec/AttentionSpec.h"
#include "tests/spec/TextFile.h"
#include <gtest/gtest.h>

using namespace jvpgen;

static std::string reference() { return test::readFile(JVPGEN_SOURCE_DIR "/docs/specification.md"); }

TEST(SpecificationReference, EveryExampleParses) {
  std::string text = reference();
  int examples = 0;
  for (size_t at = 0; (at = text.find("\n```toml\n", at)) != std::string::npos; ++examples) {
    size_t begin = at + 9, end = text.find("\n```", begin);
    ASSERT_NE(end, std::string::npos);
    std::string example = text.substr(begin, end + 1 - begin);
    auto spec = parseSpec(example, "example.toml");
    EXPECT_TRUE(spec) << example << spec.error().text();
    at = end;
  }
  EXPECT_GE(examples, 8);
}

/// The names that a message lists after "known: ".
static std::vector<std::string> knownNames(std::string_view toml) {
  auto spec = parseSpec(toml, "a.toml");
  EXPECT_FALSE(spec);
  std::vector<std::string> names;
  std::istringstream list(spec.error().message.substr(spec.error().message.find("known: ") + 7));
  for (std::string name; std::getline(list >> std::ws, name, ',');) names.push_back(name);
  EXPECT_GE(names.size(), 6u);
  return names;
}

TEST(SpecificationReference, NamesEverythingThatIsKnown) {
  std::string text = reference();
  for (const char *unknown :
       {"frobnicate = 1", "score = 'frobnicate(z)'", "score = 'frobnicate'", "mask = 'frobnicate'"})
    for (const std::string &name : knownNames(unknown))
      EXPECT_NE(text.find('`' + name), std::string::npos) << name << " is missing";
}
