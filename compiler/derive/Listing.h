// A program as a list of definitions, one a line: which terms get a name of their own, and what they are called by
// kind.
#ifndef JVPGEN_COMPILER_DERIVE_LISTING_H
#define JVPGEN_COMPILER_DERIVE_LISTING_H

#include "compiler/ir/Program.h"
#include <map>

namespace jvpgen {

/// What a named term is, for the letter that it gets.
enum class Symbol {
  Output,       ///< by its own name
  Logit,        ///< a product over d
  LogitTangent, ///< products over d with a tangent
  Value,        ///< products over e
  Weight,       ///< exp(S - lse) under the mask
  Tile,         ///< any other tile
  Row,          ///< a value of query rows
  Column,       ///< a value of key rows
  Number,       ///< what has neither i nor j
};

struct Definition {
  Symbol symbol;
  unsigned number;    ///< from 1, within its kind
  bool alone;         ///< the only one of its kind
  std::string output; ///< the name of an output
  Term term;
};

/// Definitions in an order in which each uses earlier ones only; outputs last among equals.
std::vector<Definition> listingOf(const Program &p);

/// A lin of one term without constant: a mere scale, which gets no name.
bool isScaled(Term t);

/// c = number * scale^power with the simplest number.
struct ScaledNumber {
  Rational number;
  int power;
};
ScaledNumber recogniseScale(const Rational &c, const Rational &scale);

/// "p", "p/q", or digits if the fraction has too many of its own.
std::string shortNumber(const Rational &value);

} // namespace jvpgen

#endif
