// Any bytes as an expression: refused with a place, or printed to text that parses to the same tree.
#include "compiler/spec/ExpressionChecker.h"
#include "compiler/spec/ExpressionParser.h"
#include <cstdio>
#include <cstdlib>

using namespace jvpgen;

static void require(bool holds, const char *what, const std::string &shown) {
  if (holds) return;
  std::fprintf(stderr, "%s:\n%s\n", what, shown.c_str());
  std::abort();
}

/// Declares one input of each kind that expressions may name.
static AttentionSpec declarations() {
  AttentionSpec spec;
  spec.file = "fuzz.toml";
  spec.inputs = {{"bias", NamedInput::Kind::Bias, "nrij", DType::F32, 1, 1},
                 {"temperature", NamedInput::Kind::Scalar, "", DType::F32, 1, 1},
                 {"slope", NamedInput::Kind::HeadVector, "nr", DType::F32, 1, 1},
                 {"q_doc", NamedInput::Kind::IntVector, "bi", DType::I32, 1, 1},
                 {"limit", NamedInput::Kind::IntScalar, "", DType::I32, 1, 1}};
  return spec;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const AttentionSpec spec = declarations();
  auto e = parseExpression({reinterpret_cast<const char *>(data), size}, "score", "fuzz.toml");
  if (!e) {
    require(e.error().where.starts_with("fuzz.toml:"), "an error without a place", e.error().text());
    return 0;
  }
  std::string text = print(*e);
  auto again = parseExpression(text, "score", "printed.toml");
  require(again.has_value(), "what was printed does not parse", text + (again ? "" : again.error().text()));
  require(sameTree(*e, *again) && print(*again) == text, "what was printed is another tree", text);
  bool isScore = checkScore(*e, spec).has_value(), isMask = checkMask(*e, spec).has_value();
  require(!isScore || !isMask, "both a number and a condition", text);
  require(isScore == checkScore(*again, spec).has_value() && isMask == checkMask(*again, spec).has_value(),
          "what was printed has another type", text);
  return 0;
}
