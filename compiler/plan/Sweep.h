// A plan over terms, before it is written as operations: variants, their sweeps, accumulators, roles and epilogues.
#ifndef JVPGEN_COMPILER_PLAN_SWEEP_H
#define JVPGEN_COMPILER_PLAN_SWEEP_H

#include "compiler/derive/Structure.h"
#include <optional>

namespace jvpgen {

using NamedTerm = std::pair<std::string, Term>;

/// Row: an owner has query rows and streams keys. Column: an owner has key rows and streams the queries of all its r.
enum class Axis { Row, Column };

/// The indices of an owner's rows, and those that its sweep sums.
inline constexpr IndexSet ownIndices(Axis axis) { return axis == Axis::Row ? IndexSet("bnri") : IndexSet("bnj"); }
inline constexpr IndexSet streamedIndices(Axis axis) { return axis == Axis::Row ? IndexSet("j") : IndexSet("ri"); }

enum class Place { Register, Global, Tile };

struct Accumulator {
  Term symbol = nullptr; ///< how epilogues and posts name it; its indices are the accumulator's
  Place place = Place::Register;
  std::string output = {}; ///< Tile: the tensor that receives it; empty for workspace

  const std::string &name() const { return symbol->name; }
};

/// accumulator += coefficient * sum over the streamed axis of tile * matrix; without a matrix, of the tile alone.
struct Contribution {
  Term accumulator;
  Term tile;
  Term matrix;
  Rational coefficient;
};

/// m = running maximum of `operand` over the kept entries of a row.
struct RunningMaximum {
  Term symbol;
  Term operand;
};

/// r = mean of `tile` over the kept entries of the first tile in which a row has one.
struct RowShift {
  Term symbol;
  Term tile;
};

/// A score tile: products that share one accumulator.
struct Score {
  Term symbol;
  std::vector<Term> products;
};

/// What one group of warps does with a tile. Imports are the symbols that occur in `contributions`.
struct Role {
  std::vector<Score> scores;
  std::vector<Contribution> contributions;
  std::vector<Term> imports;
  std::vector<std::pair<Term, Term>> exports; ///< symbol, tile
  std::optional<RunningMaximum> maximum;
  std::vector<RowShift> shifts;
};

struct Sweep {
  std::string name;
  Axis axis = Axis::Row;
  std::vector<Accumulator> accumulators;
  std::vector<Role> roles;
  std::vector<NamedTerm> epilogues; ///< outputs with the owner's indices
};

struct Variant {
  std::string name;
  std::vector<NamedTerm> statistics; ///< attn.pre
  std::vector<Sweep> sweeps;
  std::vector<NamedTerm> posts;
};

} // namespace jvpgen

#endif
