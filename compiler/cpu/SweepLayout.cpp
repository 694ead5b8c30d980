// Collects what a sweep needs and assigns scratch.
#include "compiler/cpu/SweepLayout.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

void cpu::mergeRoles(attn::SweepOp sweep) {
  auto roles = llvm::to_vector(sweep.getBody().getOps<attn::RoleOp>());
  Block &body = roles.front().getBody().front();
  for (attn::RoleOp role : llvm::drop_begin(roles)) {
    body.getOperations().splice(body.end(), role.getBody().front().getOperations());
    role.erase();
  }
  llvm::StringMap<Value> exported;
  for (auto op : llvm::make_early_inc_range(body.getOps<attn::ExportOp>())) {
    exported[op.getName()] = op.getTile();
    op.erase();
  }
  for (auto op : llvm::make_early_inc_range(body.getOps<attn::ImportOp>())) {
    op.getResult().replaceAllUsesWith(exported.lookup(op.getName()));
    op.erase();
  }
  sortTopologically(&body);
  IRRewriter rewriter(sweep.getContext());
  DominanceInfo dominance(roles.front());
  eliminateCommonSubExpressions(rewriter, dominance, roles.front());
}

/// 8 x 2 accumulators of the 32 registers of AVX-512; 4 x 2 of the 16 of AVX2.
TileShape TileShape::forLanes(unsigned lanes) {
  if (lanes >= 16) return {16, {8, 2}, 256, 64};
  return {lanes, {4, 2}, 256, 64};
}

SweepLayout SweepLayout::forCache(attn::SweepOp sweep, TileShape shape, Storage &storage) {
  constexpr int64_t kCacheFloats = (1 << 20) / 4, kLeastRows = 64;
  for (;; shape.own_rows /= 2)
    if (SweepLayout layout(sweep, shape, storage);
        layout.scratch_floats <= kCacheFloats || shape.own_rows == kLeastRows)
      return layout;
}

SweepLayout::SweepLayout(attn::SweepOp sweep, TileShape shape, Storage &storage)
    : sweep(sweep), shape(shape), own(sweep.ownAxis()), streamed(sweep.isRowSweep() ? 'j' : 'i'), storage(&storage) {
  attn::RoleOp role = *sweep.getBody().getOps<attn::RoleOp>().begin();
  for (Operation &op : role.getBody().front()) {
    if (auto x = dyn_cast<attn::ScoreOp>(op)) scores.push_back(x);
    if (auto x = dyn_cast<attn::MaxOp>(op)) max = x;
    if (auto x = dyn_cast<attn::ShiftOp>(op)) shifts.push_back(x);
    if (auto x = dyn_cast<attn::ReduceOp>(op)) reduces.push_back(x);
    if (auto x = dyn_cast<attn::OutOp>(op)) outs.push_back(x);
  }
  placeAccumulators(storage);
  placeOperands();
  int64_t tile = shape.streamed_rows * shape.panel();
  for (attn::ScoreOp score : scores) score_offset[score.getResult()] = take(tile);
  if (max) max_offset = take(shape.own_rows);
  if (!shifts.empty()) seen_offset = take(shape.own_rows);
  for (attn::ShiftOp shift : shifts) shift_offset[shift.getResult()] = take(shape.own_rows);
  int64_t longest = 1;
  for (const Accumulator &a : accumulators) longest = std::max(longest, a.feature);
  longest = std::max({longest, storage.featureLength("d"), storage.featureLength("e")});
  row_offset = take(shape.panel() * longest);
}

int64_t SweepLayout::take(int64_t floats) {
  int64_t offset = scratch_floats;
  scratch_floats += roundUp(floats, 16);
  return offset;
}

void SweepLayout::placeAccumulators(Storage &storage) {
  for (auto op : sweep.getBody().getOps<attn::AccumulatorOp>()) {
    StringRef indices = cast<attn::ValueType>(op.getType()).getIndices();
    Accumulator a{op, storage.featureLength(indices)};
    if (op.getPlace() == "register")
      a.offset = take(shape.own_rows * a.feature);
    else
      a.tensor = &storage.named(op.getOutput() ? *op.getOutput() : op.getName(), indices);
    if (op.getPlace() == "global") {
      per_key_head = true;
      storage.addAlong(*a.tensor, own);
    }
    accumulators.push_back(a);
  }
}

void SweepLayout::addOperand(llvm::SmallVector<Operand> &to, Value value, int64_t rows, int64_t padding) {
  for (const Operand &o : to)
    if (o.value == value) return;
  int64_t feature = storage->featureLength(indicesOf(value));
  to.push_back({value, feature, take(rows * roundUp(feature, padding))});
}

void SweepLayout::addTile(Value value, double coefficient) {
  for (const StoredTile &t : stored)
    if (t.value == value && t.coefficient == coefficient) return;
  stored.push_back({value, coefficient, take(shape.streamed_rows * shape.panel())});
}

void SweepLayout::placeOperands() {
  for (attn::ScoreOp score : scores) {
    auto mine = own == 'i' ? score.getRows() : score.getColumns(),
         other = own == 'i' ? score.getColumns() : score.getRows();
    for (Value v : mine) addOperand(own_transposed, v, shape.own_rows, 1);
    for (Value v : other) addOperand(streamed_native, v, shape.streamed_rows, 1);
  }
  for (attn::OutOp out : outs) {
    addTile(out.getTile(), attn::toDouble(out.getCoefficient()));
    if (accumulator(out.getAccumulator())->isRegister())
      addOperand(streamed_native, out.getMatrix(), shape.streamed_rows, 1);
    else
      addOperand(own_native, out.getMatrix(), shape.own_rows, 16);
  }
  for (attn::ReduceOp reduce : reduces)
    if (accumulator(reduce.getAccumulator())->isTile())
      addTile(reduce.getTile(), attn::toDouble(reduce.getCoefficient()));
}

const Operand &SweepLayout::operand(ArrayRef<Operand> among, Value value) const {
  return *llvm::find_if(among, [&](const Operand &o) { return o.value == value; });
}
const StoredTile &SweepLayout::tile(Value value, double coefficient) const {
  return *llvm::find_if(stored, [&](const StoredTile &t) { return t.value == value && t.coefficient == coefficient; });
}
const Accumulator *SweepLayout::accumulator(StringRef name) const {
  for (const Accumulator &a : accumulators)
    if (attn::AccumulatorOp(a.op).getName() == name) return &a;
  return nullptr;
}

llvm::SmallVector<Value> SweepLayout::consumedTiles() const {
  llvm::SmallVector<Value> tiles;
  for (attn::ReduceOp reduce : reduces) tiles.push_back(reduce.getTile());
  for (attn::OutOp out : outs) tiles.push_back(out.getTile());
  return tiles;
}
