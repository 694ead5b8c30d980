// One sweep as a generated function: an owner packs its rows, streams tiles, and ends with the epilogues.
#ifndef JVPGEN_COMPILER_CPU_SWEEP_H
#define JVPGEN_COMPILER_CPU_SWEEP_H

#include "compiler/cpu/Elements.h"
#include "compiler/cpu/Predicate.h"
#include "compiler/cpu/SweepLayout.h"

namespace jvpgen::cpu {

/// What a sweep leaves for passes and sweeps after it: register accumulators, maxima, shifts that others read by name.
using LeftBehind = llvm::SmallVector<std::string>;

class SweepCode {
public:
  using Value = mlir::Value;
  SweepCode(Code &code, Storage &storage, SweepLayout &layout, attn::MaskOp mask, const LeftBehind &left)
      : code(code), storage(storage), layout(layout), mask(mask), left(left) {}

  /// A task is (batch, head of the owner, block of own rows), or (batch, key head, copy) if the layout says so.
  void emit(llvm::StringRef function);

private:
  // Sweep.cpp: the loops.
  void rowsOfKeyHead();
  void forEachHead(llvm::function_ref<void()> body);
  void ownBlock();
  void streamHead();
  void streamTile();
  void clear();
  void clearGlobals();
  void clearTiles();
  void fill(Value pointer, Value count, double value);
  void packOwn();
  void packStreamed();
  Element elementOf(char axis, Value row);
  std::pair<Value, Value> classify(Value own0, Value ownCount);

  // Tile.cpp: one tile of one panel.
  void tile(Value partial);
  void scoreProducts();
  void pointwise(bool masked);
  void maximum(Scope &head, bool masked);
  void rescale(Scope &own, Value v, Value before, Value after);
  void shifts(Scope &head, bool masked);
  void program(Scope &head, bool masked);
  void outProducts();
  void storeTiles();
  Value derivative(Value x, Scope &scope);
  Scope::Leaf leafAt(Place place, Value v, Value row);
  Place ownPlace(Value v);
  Value keepAt(Value v, Value row);
  void forEachVector(llvm::function_ref<void(Value)> body);
  void hoist(Scope &scope, llvm::ArrayRef<Value> roots, bool ownLevel);

  // Epilogue.cpp.
  void epilogues(Value panel, Value count);
  void epilogue(const Tensor &target, llvm::function_ref<Value(Value v, Value feature)> value, Value count);
  Value epilogueValue(mlir::Region &body, Value v, Value feature);
  Scope::Leaf epilogueLeaf(Value v, Value feature);
  Value local(llvm::StringRef name, Value v, Value feature);

  Value globalData(const Accumulator &a); ///< the task's copy
  Value scratch(int64_t offset) { return code.floats(arguments.scratch, offset); }
  Value panelRow(Value v) { return code.add(state.panel0, v); } ///< row of the block

  Code &code;
  Storage &storage;
  SweepLayout &layout;
  attn::MaskOp mask;
  const LeftBehind &left;
  Arguments arguments;
  std::unique_ptr<Access> access;
  std::unique_ptr<Predicate> predicate;

  /// Where the generated code is.
  struct {
    Value b, h, n;
    Value own_size;                    ///< rows of a block
    Value own0, own_length, own_count; ///< first row of the block; rows of the sequence; rows of the block in it
    Value streamed0, streamed_length, streamed_count; ///< the same for the tile
    Value rows8;                                      ///< streamed_count rounded up to register blocks
    Value panel0, panel_count;                        ///< first row of the panel in the block; its rows in the sequence
  } state;
};

} // namespace jvpgen::cpu

#endif
