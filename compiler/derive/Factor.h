// Fewer pointwise operations per score element: Horner's scheme, collection by cotangent, centred differences.
#ifndef JVPGEN_COMPILER_DERIVE_FACTOR_H
#define JVPGEN_COMPILER_DERIVE_FACTOR_H

#include "compiler/derive/Structure.h"
#include <optional>

namespace jvpgen {

/// A difference of a tile x and its own saved row statistic that the program holds anyway, as tS - mu: kept closed,
/// since opening it cancels digits. difference = coefficient * x + sum of rows.
struct Centre {
  std::vector<Term> factors; ///< of x
  Rational coefficient;
  Term difference;
  std::vector<Summand> rows;
};

/// All centred differences below the outputs.
std::vector<Centre> findCentres(const std::vector<Term> &outputs);

/// A monomial as its factors, and its coefficient.
using Monomial = std::pair<std::vector<Term>, Rational>;

/// Merged monomials, with x replaced by (difference - rows) / coefficient for each centre.
std::vector<Monomial> openAround(Term tile, const std::vector<Centre> &centres);

/// Factors an opened tile polynomial: most frequent factor first, then equal cofactors.
Term horner(Term tile, const std::vector<Centre> &centres);

/// An adjoint is linear in its cotangents: tile = sum_k part_k.tile * part_k.combination, the tiles free of cotangents.
struct CotangentPart {
  Term tile;
  Term combination;
};

/// The parts, or nothing if the tile is not linear in cotangent values.
std::optional<std::vector<CotangentPart>> cotangentParts(Term tile, const std::vector<Centre> &centres);

/// The tile as the sum of its parts; the tile itself where there are none.
Term collectByCotangent(Term tile, const std::vector<Centre> &centres);

/// Chooses for every tile expression the cheapest of: as derived, Horner, collected by cotangent.
Program factorTiles(const Program &program);

} // namespace jvpgen

#endif
