// Pieces of C++ text: identifiers, numbers, indentation.
#ifndef JVPGEN_COMPILER_EMIT_TEXT_H
#define JVPGEN_COMPILER_EMIT_TEXT_H

#include "compiler/ir/Dialect.h"
#include <string>
#include <vector>

namespace jvpgen {

/// A tensor's name as an identifier: reserved words and names given by the user end in an underscore.
std::string identifier(llvm::StringRef name);

/// A float literal that reads back to the float nearest to x.
std::string literal(double x);

/// coefficient * factor, with as few characters as it takes; a factor of "" is 1.
std::string scaled(double coefficient, const std::string &factor);

/// Signed terms joined by + and -; "0.f" for none.
std::string joinTerms(llvm::ArrayRef<std::string> terms);

/// Each line of the text moved right by `columns`.
std::string indent(llvm::StringRef text, int columns);

} // namespace jvpgen

#endif
