// Pointwise programs as C++ statements: each value is computed in the outermost loop that knows its indices.
#ifndef JVPGEN_COMPILER_EMIT_POINTWISE_H
#define JVPGEN_COMPILER_EMIT_POINTWISE_H

#include "compiler/emit/SweepProgram.h"
#include <map>

namespace jvpgen {

/// Where a value is computed. The names in brackets are the loop variables there.
enum class Scope {
  Head,   ///< once when a query head is entered
  Row,    ///< then for each owned row [r]
  Tile,   ///< for each owned row [r] of each tile: what depends on the running maximum or the centre
  Column, ///< for each column group [n] of the tile, the thread's two columns [c]
  Entry,  ///< for each entry [n, m, e; r = 2 m + e / 2, c = e mod 2]
};

/// Prints values of one pass over a tile on demand.
class Pointwise {
public:
  Pointwise(const SweepProgram &program, Parameters &parameters) : program(program), parameters(parameters) {}

  /// The expression by which code in the scope Entry (or the value's own) names the value; defines it if it is new.
  Result<std::string> use(mlir::Value v);
  /// Forgets the values of the scopes Column and Entry: another pass computes its own.
  void beginPass();
  /// From now on the value is read from a tile in registers.
  void keepInTile(mlir::Value v, const std::string &tile) { tiles[v] = tile; }
  void name(mlir::Value v, const std::string &text, Scope scope) { names[v] = text, scopes[v] = scope; }

  Scope scopeOf(mlir::Value v);
  /// The score tile in which masked entries are set to -infinity so that this weight is 0 there; null if there is none.
  mlir::Value maskedTile(attn::MexpOp op);
  /// Makes a tile of registers that holds a computed value carry the mask, if nothing is harmed by it: what else reads
  /// the value is kept in tiles already.
  bool carryMask(mlir::Value v);
  /// Whether masked entries of the value are 0 by themselves: it has a weight as factor, and nothing that may be
  /// infinite.
  bool vanishesWhereMasked(mlir::Value v);
  /// Added to every exponent, in powers of two: a number of each row that changes from tile to tile.
  std::string beside_exponents;
  /// Tensors with i and j are held in tiles that keep memory's type, read as "tile.columns(n)(e)".
  bool holds_memory = false;
  /// What is loaded of tensors with i and j is 0 at entries that do not count.
  bool clears_masked = false;
  bool masks_entries = false; ///< some value asks the mask at each entry
  std::map<Scope, std::string> text;
  std::string members;                     ///< of the state: values of the scopes Head and Row
  std::vector<const TensorInfo *> numbers; ///< statistics per streamed row
  std::vector<std::pair<const TensorInfo *, std::string>>
      loaded; ///< tensors with i and j, and the tiles that hold them

private:
  Result<std::string> define(mlir::Value v);
  Result<std::string> input(attn::InputOp op);
  Result<std::string> index(attn::IndexOp op);
  Result<std::string> lin(attn::LinOp op, double scale, bool isExponent);
  bool mayBeInfinite(mlir::Value v);
  Result<std::string> mul(attn::MulOp op);
  attn::LinOp shiftedFactor(attn::MulOp op);
  Result<std::string> multiple(double scale, mlir::Value v, bool isExponent);
  Result<std::string> apply(attn::ApplyOp op);
  Result<std::string> mexp(attn::MexpOp op);
  std::string hoist(Scope scope, const std::string &expression);
  std::string bind(mlir::Value v, Scope scope, const std::string &expression, const std::string &stem);
  std::string declare(Scope scope, const std::string &name, const std::string &expression);
  std::string fresh(const std::string &stem) { return stem + std::to_string(counts[stem]++); }

  std::vector<mlir::Operation *> usersOf(mlir::Value v);
  bool isBehind(mlir::Operation *op);
  bool onlyExponents(mlir::Value v, bool later);

  const SweepProgram &program;
  Parameters &parameters;
  llvm::DenseSet<mlir::Value> carriers; ///< computed values whose tiles carry the mask
  llvm::DenseMap<mlir::Value, std::string> names, tiles;
  llvm::DenseMap<mlir::Value, Scope> scopes;
  llvm::DenseSet<mlir::Value> of_pass;
  std::map<std::string, int> counts;
};

/// A function of the dialect's table as C++; its first argument has been multiplied by `argumentScale`.
Result<std::string> applyText(llvm::StringRef function, llvm::ArrayRef<std::string> arguments);
double argumentScale(llvm::StringRef function);

} // namespace jvpgen

#endif
