// A sweep laid out for one thread: its roles merged into one list of operations, and where everything stands in
// scratch.
#ifndef JVPGEN_COMPILER_CPU_SWEEPLAYOUT_H
#define JVPGEN_COMPILER_CPU_SWEEPLAYOUT_H

#include "compiler/cpu/Pointwise.h"
#include "compiler/cpu/Product.h"
#include "compiler/cpu/Storage.h"
#include "llvm/ADT/MapVector.h"

namespace jvpgen::cpu {

/// A role's operations move into the first role, an import becomes the exported tile, equal operations become one.
void mergeRoles(attn::SweepOp sweep);

/// Sizes of blocks. An owner has at most `own_rows` rows in panels of the register block's width: in tiles and
/// accumulators the owner's rows are the vector direction, so that streamed matrices are used as they stand.
struct TileShape {
  unsigned lanes;
  RegisterBlock block;
  int64_t own_rows, streamed_rows;
  int64_t panel() const { return lanes * block.vectors; }
  static TileShape forLanes(unsigned lanes); ///< with as many own rows as are of use
};

/// An operand of products, packed as float32.
struct Operand {
  mlir::Value value;
  int64_t feature; ///< length
  int64_t offset;  ///< in scratch, in float32
};

/// A tile as operand of products or source of a tile accumulator, multiplied by its coefficient.
struct StoredTile {
  mlir::Value value;
  double coefficient;
  int64_t offset;
};

struct Accumulator {
  attn::AccumulatorOp op;
  int64_t feature;
  int64_t offset = -1;            ///< register: in scratch
  const Tensor *tensor = nullptr; ///< global, tile
  bool isRegister() const { return !tensor; }
  bool isTile() const { return tensor && tensor->isTile(); }
};

struct SweepLayout {
  /// Owners of as many rows as leave scratch in a second-level cache: the more rows, the less streaming.
  static SweepLayout forCache(attn::SweepOp sweep, TileShape shape, Storage &storage);
  SweepLayout(attn::SweepOp sweep, TileShape shape, Storage &storage);

  attn::SweepOp sweep;
  TileShape shape;
  char own, streamed;        ///< axes
  bool per_key_head = false; ///< a task owns many rows of a key head, because owners add to the same memory

  llvm::SmallVector<attn::ScoreOp> scores;
  attn::MaxOp max;
  llvm::SmallVector<attn::ShiftOp> shifts;
  llvm::SmallVector<attn::ReduceOp> reduces;
  llvm::SmallVector<attn::OutOp> outs;
  llvm::SmallVector<Accumulator> accumulators;

  llvm::SmallVector<Operand> own_transposed;  ///< [panel][feature][row of the panel]: of scores
  llvm::SmallVector<Operand> own_native;      ///< [row][feature padded to 16]: of products into global accumulators
  llvm::SmallVector<Operand> streamed_native; ///< [row][feature]
  llvm::DenseMap<mlir::Value, int64_t> score_offset;
  llvm::SmallVector<StoredTile> stored;
  int64_t max_offset = -1, seen_offset = -1, row_offset = -1;
  llvm::DenseMap<mlir::Value, int64_t> shift_offset;
  int64_t scratch_floats = 0;

  const Operand &operand(llvm::ArrayRef<Operand> among, mlir::Value value) const;
  const StoredTile &tile(mlir::Value value, double coefficient) const;
  const Accumulator *accumulator(llvm::StringRef name) const;
  /// The tiles that reductions and products take.
  llvm::SmallVector<mlir::Value> consumedTiles() const;

private:
  int64_t take(int64_t floats);
  void addOperand(llvm::SmallVector<Operand> &to, mlir::Value value, int64_t rows, int64_t padding);
  void addTile(mlir::Value value, double coefficient);
  void placeAccumulators(Storage &storage);
  void placeOperands();
  Storage *storage;
};

inline int64_t roundUp(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

} // namespace jvpgen::cpu

#endif
