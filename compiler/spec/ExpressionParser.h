// Expression text as a tree.
#ifndef JVPGEN_COMPILER_SPEC_EXPRESSIONPARSER_H
#define JVPGEN_COMPILER_SPEC_EXPRESSIONPARSER_H

#include "compiler/spec/Expression.h"
#include "compiler/spec/SourceText.h"
#include <string_view>

namespace jvpgen {

/// Grammar, loosest first; comparisons do not chain, the other binary operators group to the left:
///   or := and ("||" and)*      and := comparison ("&&" comparison)*      comparison := sum
///   (("<"|"<="|">"|">="|"=="|"!=") sum)? sum := product (("+"|"-") product)*      product := unary (("*"|"/") unary)*
///   unary := ("-"|"!") unary | primary primary := number | name | "true" | "false" | function "(" or ("," or)* ")" |
///   "(" or ")"
/// `what` ("score", "mask") and `file` are for messages. Names and types are not checked here.
Result<Expr> parseExpression(const SourceText &source, std::string_view what, std::string_view file);

/// The same for text by itself, at line 1, column 1.
Result<Expr> parseExpression(std::string_view text, std::string_view what, std::string_view file);

} // namespace jvpgen

#endif
