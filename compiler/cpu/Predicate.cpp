// Clones the mask's regions into generated code; where an index is a vector, everything that depends on it becomes one.
#include "compiler/cpu/Predicate.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

Value Predicate::keeps(const Place &p) {
  if (!mask) return code.truth(true);
  Value arguments[] = {p.b, p.h, p.i, p.j, access.length('i', p.b), access.length('j', p.b)};
  return run(mask.getKeep(), arguments, p)[0];
}

std::pair<Value, Value> Predicate::classify(const Place &p, Value i0, Value i1, Value j0, Value j1) {
  if (!mask) return {code.truth(true), code.truth(false)};
  Value arguments[] = {p.b, p.h, i0, i1, j0, j1, access.length('i', p.b), access.length('j', p.b)};
  Code::Values results = run(mask.getClassify(), arguments, p);
  return {results[0], attn::MaskOp(mask).dropsByBias() ? code.truth(true) : results[1]};
}

Code::Values Predicate::run(Region &region, ArrayRef<Value> arguments, const Place &place) {
  llvm::DenseMap<Value, Value> map;
  for (auto [argument, value] : llvm::zip(region.getArguments(), arguments)) map[argument] = code.toI32(value);
  for (Operation &op : region.front()) {
    Code::Values operands;
    for (Value v : op.getOperands()) operands.push_back(map.lookup(v));
    if (isa<attn::YieldOp>(op)) return operands;
    Code::Values results;
    if (auto one = dyn_cast<attn::FetchOp>(op))
      results = {fetch(one, operands, place)};
    else if (auto range = dyn_cast<attn::FetchRangeOp>(op))
      results = fetchRange(range, operands[0], operands[1], place);
    else
      results = code.clone(&op, operands);
    for (auto [from, to] : llvm::zip(op.getResults(), results)) map[from] = to;
  }
  return {};
}

/// Lanes and rows beyond a length are clamped to the last element: they are read, never used.
Value Predicate::fetch(attn::FetchOp op, ArrayRef<Value> at, const Place &place) {
  Place where = place;
  for (auto [axis, index] : llvm::zip(op.getAxes(), at)) {
    Value last = code.sub(access.length(axis, place.b), code.whole(1));
    Value inside = code.greatest(code.least(code.toI64(index), last), code.whole(0));
    (axis == 'i' ? where.i : where.j) = inside;
  }
  const Tensor &t = tensor(op.getName());
  Value raw = access.read(t, where);
  if (op.getType().isInteger(1)) return code.compare(Compare::NotEqual, raw, code.integer(0));
  return raw;
}

Code::Values Predicate::fetchRange(attn::FetchRangeOp op, Value first, Value last, const Place &place) {
  char axis = op.getAxis()[0];
  const Tensor &t = tensor(op.getName());
  auto element = [&](Value k) {
    Place where = place;
    (axis == 'i' ? where.i : where.j) = k;
    return access.read(t, where);
  };
  Value start = code.toI64(first), initial = element(start);
  return code.loop(start, code.add(code.toI64(last), code.whole(1)), 1, {initial, initial},
                   [&](Value k, ArrayRef<Value> seen) {
                     Value x = element(k);
                     return Code::Values{code.least(x, seen[0]), code.greatest(x, seen[1])};
                   });
}
