// Expression text as tokens.
#ifndef JVPGEN_COMPILER_SPEC_EXPRESSIONLEXER_H
#define JVPGEN_COMPILER_SPEC_EXPRESSIONLEXER_H

#include "compiler/spec/SourceText.h"

namespace jvpgen {

struct Token {
  enum class Kind { Number, Name, Symbol, End };
  Kind kind = Kind::End;
  std::string text; ///< a number in canonical decimal form, a name, or a symbol
  Place place;

  bool is(std::string_view symbol) const { return kind == Kind::Symbol && text == symbol; }
};

/// The tokens of an expression, the last one End; `what` ("score", "mask") is for messages.
Result<std::vector<Token>> tokenize(const SourceText &source, std::string_view what, std::string_view file);

/// "1.50e1" -> "15": plain decimal digits without needless zeros; the reason in words if float32 cannot hold it.
tl::expected<std::string, std::string> canonicalNumber(std::string_view digits);

} // namespace jvpgen

#endif
