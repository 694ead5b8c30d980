// Epilogues: outputs from the accumulators, a vector of own rows at a time, then written row by row.
#include "compiler/cpu/Elements.h"
#include "compiler/cpu/Sweep.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

/// `count` rows of the panel are written, those beyond the sequence with what a row without keys gives.
void SweepCode::epilogues(Value panel, Value count) {
  state.panel0 = panel;
  auto rowIndices = [&](int64_t feature, StringRef featureIndex) {
    return std::string(layout.own == 'i' ? "bnri" : "bnj") + (feature > 1 ? featureIndex.str() : "");
  };
  auto sweep = layout.sweep;
  for (auto op : sweep.getBody().getOps<attn::EpilogueOp>()) {
    Value yielded = cast<attn::YieldOp>(op.getBody().front().getTerminator()).getValues()[0];
    epilogue(
        storage.named(op.getOutput(), indicesOf(yielded)),
        [&](Value v, Value feature) { return epilogueValue(op.getBody(), v, feature); }, count);
  }
  for (const std::string &name : left) {
    const Accumulator *a = layout.accumulator(name);
    std::string indices =
        a ? cast<attn::ValueType>(attn::AccumulatorOp(a->op).getType()).getIndices().str() : rowIndices(1, "");
    epilogue(storage.named(name, indices), [&](Value v, Value feature) { return local(name, v, feature); }, count);
  }
}

/// Values first stand in scratch as [feature][row of the panel].
void SweepCode::epilogue(const Tensor &target, function_ref<Value(Value, Value)> value, Value count) {
  Value row = scratch(layout.row_offset), zero = code.whole(0);
  int64_t panel = layout.shape.panel();
  forEachVector([&](Value v) {
    if (target.feature == 1) return code.store(code.broadcast(value(v, {}), code.lanes()), row, v);
    code.loop(zero, code.whole(target.feature), 1, [&](Value f) {
      code.store(code.broadcast(value(v, f), code.lanes()), row, code.add(code.mul(f, code.whole(panel)), v));
    });
  });
  code.loop(zero, count, 1, [&](Value k) {
    Place place{state.b, state.h, state.n, {}, {}};
    (layout.own == 'i' ? place.i : place.j) = code.add(state.own0, panelRow(k));
    if (target.feature == 1) return access->write(code.load(row, k), target, place);
    Value lanes = code.mul(code.laneNumbers(kFeatureRun), code.whole(panel));
    code.loop(zero, code.whole(target.feature), kFeatureRun, [&](Value f) {
      Value at = code.add(lanes, code.add(code.mul(f, code.whole(panel)), k));
      access->write(code.gather(row, at, DType::F32), target, place, f);
    });
  });
}

/// An accumulator, maximum or shift of this sweep; null if the name is none.
Value SweepCode::local(StringRef name, Value v, Value feature) {
  if (const Accumulator *a = layout.accumulator(name); a && a->isRegister()) {
    Value at = feature && a->feature > 1 ? code.mul(feature, code.whole(layout.shape.panel())) : code.whole(0);
    Value base = code.floats(scratch(a->offset), code.mul(state.panel0, code.whole(a->feature)));
    return code.load(base, code.add(at, v), code.lanes());
  }
  if (layout.max && layout.max.getName() == name)
    return code.load(scratch(layout.max_offset), panelRow(v), code.lanes());
  for (attn::ShiftOp shift : layout.shifts)
    if (shift.getName() == name)
      return code.load(scratch(layout.shift_offset.lookup(shift.getResult())), panelRow(v), code.lanes());
  return {};
}

/// Tensors count as 0 in rows beyond the sequence; an empty sequence has no row to read.
Scope::Leaf SweepCode::epilogueLeaf(Value v, Value feature) {
  return [this, v, feature](Operation *op) -> Value {
    Value nonempty = code.compare(Compare::Greater, state.own_length, code.whole(0));
    if (auto sum = dyn_cast<attn::SumOp>(op)) {
      int64_t length = storage.featureLength(sum.getOver());
      return code.loop(code.whole(0), code.whole(length), 1, {code.numbers(0, code.lanes())},
                       [&](Value f, ArrayRef<Value> partial) {
                         Scope scope(code, epilogueLeaf(v, f));
                         return Code::Values{code.add(partial[0], scope.evaluate(sum.getBody()))};
                       })[0];
    }
    Place place = ownPlace(v);
    if (auto index = dyn_cast<attn::IndexOp>(op)) return indexNumber(code, *access, index, place);
    auto input = cast<attn::InputOp>(op);
    if (Value found = local(input.getName(), v, feature)) return found;
    const Tensor &tensor = storage.named(input.getName(), indicesOf(input));
    if (!tensor.has(layout.own)) return access->read(tensor, place);
    auto read = [&] {
      Value at = code.add(access->offset(tensor, place), feature && tensor.feature > 1 ? feature : code.whole(0));
      Value rows = code.add(code.add(state.own0, panelRow(v)), code.laneNumbers(code.lanes()));
      Value inside = code.compare(Compare::Less, rows, state.own_length);
      return Code::Values{code.select(inside, code.gather(access->pointer(tensor), at, tensor.dtype), code.number(0))};
    };
    return code.choose(nonempty, read, [&] { return Code::Values{code.numbers(0, code.lanes())}; })[0];
  };
}

Value SweepCode::epilogueValue(Region &body, Value v, Value feature) {
  Scope scope(code, epilogueLeaf(v, feature));
  return scope.evaluate(cast<attn::YieldOp>(body.front().getTerminator()).getValues()[0]);
}
