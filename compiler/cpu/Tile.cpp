// One tile of one panel: score products, maximum and shifts, the pointwise program, output products.
// Tiles stand as [streamed row][row of the panel]; a vector holds consecutive rows of the owner.
#include "compiler/cpu/Elements.h"
#include "compiler/cpu/Sweep.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

void SweepCode::tile(Value partial) {
  scoreProducts();
  code.when(partial, [&] { pointwise(true); }, [&] { pointwise(false); });
  outProducts();
  storeTiles();
}

/// score[streamed][own] = sum over features of streamed[streamed][feature] * own[feature][own]
void SweepCode::scoreProducts() {
  int64_t panel = layout.shape.panel();
  for (attn::ScoreOp score : layout.scores) {
    llvm::SmallVector<Product> products;
    auto mine = layout.own == 'i' ? score.getRows() : score.getColumns();
    auto other = layout.own == 'i' ? score.getColumns() : score.getRows();
    for (auto [x, y] : llvm::zip(mine, other)) {
      const Operand &own = layout.operand(layout.own_transposed, x),
                    &streamed = layout.operand(layout.streamed_native, y);
      Value b = code.floats(scratch(own.offset), code.mul(state.panel0, code.whole(own.feature)));
      products.push_back({scratch(streamed.offset), b, code.whole(own.feature), streamed.feature, 1, panel});
    }
    emitProducts(code, layout.shape.block, products, scratch(layout.score_offset.lookup(score.getResult())), panel,
                 state.rows8, panel, /*fresh=*/true);
  }
}

void SweepCode::forEachVector(function_ref<void(Value)> body) {
  code.loop(code.whole(0), code.whole(layout.shape.panel()), code.lanes(), body);
}

/// The rows of one vector; those beyond the sequence are its last row again: read, never used.
Place SweepCode::ownPlace(Value v) {
  Value row = code.add(code.add(state.own0, panelRow(v)), code.laneNumbers(code.lanes()));
  Place place{state.b, state.h, state.n, {}, {}};
  (layout.own == 'i' ? place.i : place.j) = code.least(row, code.sub(state.own_length, code.whole(1)));
  return place;
}

Scope::Leaf SweepCode::leafAt(Place place, Value v, Value row) {
  return [this, place, v, row](Operation *op) -> Value {
    if (auto index = dyn_cast<attn::IndexOp>(op)) return indexNumber(code, *access, index, place);
    if (auto input = dyn_cast<attn::InputOp>(op))
      return access->read(storage.named(input.getName(), indicesOf(input)), place);
    if (isa<attn::MaxOp>(op)) return code.load(scratch(layout.max_offset), panelRow(v), code.lanes());
    if (isa<attn::ShiftOp>(op))
      return code.load(scratch(layout.shift_offset.lookup(op->getResult(0))), panelRow(v), code.lanes());
    Value at = code.add(code.mul(row, code.whole(layout.shape.panel())), v);
    return code.load(scratch(layout.score_offset.lookup(op->getResult(0))), at, code.lanes());
  };
}

/// Computes, outside the loops over a tile, what the roots need and what does not change inside: values without i and
/// j, or values of the owner's rows.
void SweepCode::hoist(Scope &scope, ArrayRef<Value> roots, bool ownLevel) {
  auto belongs = [&](Value v) {
    StringRef indices = indicesOf(v);
    return !indices.contains(layout.streamed) && indices.contains(layout.own) == ownLevel;
  };
  auto enter = [&](Value v) {
    return !belongs(v) &&
           !isa<attn::ScoreOp, attn::InputOp, attn::IndexOp, attn::MaxOp, attn::ShiftOp>(v.getDefiningOp());
  };
  visit(roots, enter, [&](Value v) {
    if (belongs(v)) scope.evaluate(v);
  });
}

/// Entries of a vector of own rows and one streamed row that are inside both lengths and that the mask keeps.
Value SweepCode::keepAt(Value v, Value row) {
  Place place = ownPlace(v);
  Value streamed = code.add(state.streamed0, row);
  (layout.own == 'i' ? place.j : place.i) = streamed;
  Value own = code.add(code.add(state.own0, panelRow(v)), code.laneNumbers(code.lanes()));
  Value inside = code.both(code.compare(Compare::Less, own, state.own_length),
                           code.compare(Compare::Less, streamed, state.streamed_length));
  return code.both(predicate->keeps(place), inside);
}

void SweepCode::pointwise(bool masked) {
  Scope head(code, leafAt({state.b, state.h, state.n, {}, {}}, {}, {}));
  if (layout.max) maximum(head, masked);
  if (!layout.shifts.empty()) shifts(head, masked);
  program(head, masked);
}

/// m = max over the kept entries of all tiles so far
void SweepCode::maximum(Scope &head, bool masked) {
  Value score = layout.max.getScore();
  hoist(head, {score}, false);
  forEachVector([&](Value v) {
    Place place = ownPlace(v);
    Scope own(head, leafAt(place, v, {}));
    hoist(own, {score}, true);
    Value at = panelRow(v), before = code.load(scratch(layout.max_offset), at, code.lanes());
    Value after = code.loop(code.whole(0), state.rows8, 1, {before}, [&](Value row, ArrayRef<Value> m) {
      (layout.own == 'i' ? place.j : place.i) =
          code.least(code.add(state.streamed0, row), code.sub(state.streamed_length, code.whole(1)));
      Scope tile(own, leafAt(place, v, row));
      Value larger = code.greatest(tile.evaluate(score), m[0]);
      return Code::Values{masked ? code.select(keepAt(v, row), larger, m[0]) : larger};
    })[0];
    code.store(after, scratch(layout.max_offset), at);
    code.when(code.anyLane(code.compare(Compare::NotEqual, before, after)), [&] { rescale(own, v, before, after); });
  });
}

/// Weights are exp(x(m)) with x linear in m: sums of them move by exp(dx/dm * (after - before)). Both may be -inf.
void SweepCode::rescale(Scope &own, Value v, Value before, Value after) {
  attn::MexpOp weight;
  for (Operation &op : *layout.max->getBlock())
    if (auto mexp = dyn_cast<attn::MexpOp>(op); mexp && !weight) weight = mexp;
  Value slope = weight ? derivative(weight.getExponent(), own) : Value();
  if (!slope) return;
  Value moved = code.mul(slope, code.sub(after, before));
  Value same = code.compare(Compare::Equal, before, after);
  Value factor =
      code.select(same, code.number(1), code.apply(Code::Function::Exp, code.select(same, code.number(0), moved)));
  for (const Accumulator &a : layout.accumulators) {
    if (!a.isRegister()) continue;
    Value base = code.floats(scratch(a.offset), code.mul(state.panel0, code.whole(a.feature)));
    code.loop(code.whole(0), code.whole(a.feature), 1, [&](Value f) {
      Value at = code.add(code.mul(f, code.whole(layout.shape.panel())), v);
      code.store(code.mul(code.load(base, at, code.lanes()), factor), base, at);
    });
  }
}

/// dx/dm for x that is linear in m; null for 0.
Value SweepCode::derivative(Value x, Scope &scope) {
  if (x == layout.max.getResult()) return code.number(1);
  Value sum;
  auto accumulate = [&](Value term) { sum = sum ? code.add(sum, term) : term; };
  if (auto lin = x.getDefiningOp<attn::LinOp>()) {
    for (auto [term, c] : llvm::zip(lin.getTerms(), lin.getCoefficients()))
      if (Value d = derivative(term, scope))
        accumulate(code.mul(d, code.number(attn::toDouble(cast<StringAttr>(c).getValue()))));
  } else if (auto mul = x.getDefiningOp<attn::MulOp>()) {
    for (auto [k, factor] : llvm::enumerate(mul.getFactors())) {
      Value d = derivative(factor, scope);
      if (!d) continue;
      for (auto [l, other] : llvm::enumerate(mul.getFactors()))
        if (l != k) d = code.mul(d, scope.evaluate(other));
      accumulate(d);
    }
  }
  return sum;
}

/// r = mean of the kept entries of the first tile in which the row has one
void SweepCode::shifts(Scope &head, bool masked) {
  llvm::SmallVector<Value> tiles;
  for (attn::ShiftOp shift : layout.shifts) tiles.push_back(shift.getTile());
  hoist(head, tiles, false);
  forEachVector([&](Value v) {
    Value at = panelRow(v), zero = code.number(0), one = code.number(1);
    Value seen = code.load(scratch(layout.seen_offset), at, code.lanes());
    Value open = code.compare(Compare::Equal, seen, zero);
    code.when(code.anyLane(open), [&] {
      Place place = ownPlace(v);
      Scope own(head, leafAt(place, v, {}));
      hoist(own, tiles, true);
      Code::Values initial(tiles.size() + 1, code.numbers(0, code.lanes()));
      auto sums = code.loop(code.whole(0), state.rows8, 1, initial, [&](Value row, ArrayRef<Value> sum) {
        (layout.own == 'i' ? place.j : place.i) =
            code.least(code.add(state.streamed0, row), code.sub(state.streamed_length, code.whole(1)));
        Scope tile(own, leafAt(place, v, row));
        Value kept = masked ? keepAt(v, row) : Value();
        Code::Values next;
        auto addKept = [&](Value x) {
          next.push_back(code.add(sum[next.size()], kept ? code.select(kept, x, zero) : x));
        };
        for (Value x : tiles) addKept(tile.evaluate(x));
        addKept(one);
        return next;
      });
      Value some = code.compare(Compare::Greater, sums.back(), zero), now = code.both(open, some);
      for (auto [shift, sum] : llvm::zip(layout.shifts, sums)) {
        Value place = scratch(layout.shift_offset.lookup(shift.getResult()));
        code.store(code.select(now, code.div(sum, sums.back()), code.load(place, at, code.lanes())), place, at);
      }
      code.store(code.select(some, one, seen), scratch(layout.seen_offset), at);
    });
  });
}

/// The tiles that products and reductions take; what the mask drops is 0 by selection.
void SweepCode::program(Scope &head, bool masked) {
  llvm::SmallVector<Value> tiles = layout.consumedTiles();
  hoist(head, tiles, false);
  forEachVector([&](Value v) {
    Place place = ownPlace(v);
    Scope own(head, leafAt(place, v, {}));
    hoist(own, tiles, true);
    llvm::MapVector<const Accumulator *, Value> sums;
    Code::Values initial;
    for (attn::ReduceOp reduce : layout.reduces) {
      const Accumulator *a = layout.accumulator(reduce.getAccumulator());
      if (a->isRegister() && sums.insert({a, {}}).second)
        initial.push_back(code.load(scratch(a->offset), panelRow(v), code.lanes()));
    }
    auto final = code.loop(code.whole(0), state.rows8, 1, initial, [&](Value row, ArrayRef<Value> before) {
      Value last = code.sub(state.streamed_length, code.whole(1)), index = code.add(state.streamed0, row);
      (layout.own == 'i' ? place.j : place.i) = masked ? code.least(index, last) : index;
      Scope tile(own, leafAt(place, v, row));
      if (masked) tile.keep = keepAt(v, row);
      llvm::DenseMap<Value, Value> done;
      auto kept = [&](Value x) {
        Value &value = done[x];
        if (!value) {
          value = code.broadcast(tile.evaluate(x), code.lanes());
          if (masked) value = code.select(tile.keep, value, code.number(0));
        }
        return value;
      };
      auto scaled = [&](Value x, double c) { return c == 1 ? kept(x) : code.mul(kept(x), code.number(c)); };
      for (const StoredTile &t : layout.stored)
        code.store(scaled(t.value, t.coefficient), scratch(t.offset),
                   code.add(code.mul(row, code.whole(layout.shape.panel())), v));
      for (auto [k, sum] : llvm::enumerate(sums)) sum.second = before[k];
      for (attn::ReduceOp reduce : layout.reduces) {
        const Accumulator *a = layout.accumulator(reduce.getAccumulator());
        double c = attn::toDouble(reduce.getCoefficient());
        if (a->isRegister()) {
          sums[a] = c == 1 ? code.add(sums[a], kept(reduce.getTile()))
                           : code.fma(kept(reduce.getTile()), code.number(c), sums[a]);
        } else if (!a->isTile()) {
          Value data = globalData(*a), at = access->offset(*a->tensor, place);
          code.store(code.add(code.load(data, at), code.sumLanes(scaled(reduce.getTile(), c))), data, at);
        }
      }
      Code::Values after;
      for (auto &sum : sums) after.push_back(sum.second);
      return after;
    });
    for (auto [sum, value] : llvm::zip(sums, final)) code.store(value, scratch(sum.first->offset), panelRow(v));
  });
}

/// register: acc[feature][own] += matrix[streamed][feature]^T * tile[streamed][own]
/// global:   acc[streamed][feature] += tile[streamed][own] * matrix[own][feature]
void SweepCode::outProducts() {
  int64_t panel = layout.shape.panel();
  for (const Accumulator &a : layout.accumulators) {
    llvm::SmallVector<Product> products;
    for (attn::OutOp out : layout.outs) {
      if (layout.accumulator(out.getAccumulator()) != &a) continue;
      Value tile = scratch(layout.tile(out.getTile(), attn::toDouble(out.getCoefficient())).offset);
      if (a.isRegister()) {
        const Operand &matrix = layout.operand(layout.streamed_native, out.getMatrix());
        products.push_back({scratch(matrix.offset), tile, state.rows8, 1, matrix.feature, panel});
      } else {
        const Operand &matrix = layout.operand(layout.own_native, out.getMatrix());
        int64_t padded = roundUp(matrix.feature, 16);
        Value b = code.floats(scratch(matrix.offset), code.mul(state.panel0, code.whole(padded)));
        products.push_back({tile, b, code.whole(panel), panel, 1, padded});
      }
    }
    if (products.empty()) continue;
    if (a.isRegister()) {
      Value c = code.floats(scratch(a.offset), code.mul(state.panel0, code.whole(a.feature)));
      emitProducts(code, layout.shape.block, products, c, panel, code.whole(a.feature), panel, /*fresh=*/false);
    } else {
      Place place{state.b, state.h, state.n, state.streamed0, state.streamed0};
      Value c = code.floats(globalData(a), access->offset(*a.tensor, place));
      emitProducts(code, layout.shape.block, products, c, a.tensor->padded_feature, state.rows8,
                   a.tensor->padded_feature, /*fresh=*/false);
    }
  }
}

/// Entries inside both lengths, to the tensor's own type and strides.
void SweepCode::storeTiles() {
  for (attn::ReduceOp reduce : layout.reduces) {
    const Accumulator *a = layout.accumulator(reduce.getAccumulator());
    if (!a->isTile()) continue;
    Value tile = scratch(layout.tile(reduce.getTile(), attn::toDouble(reduce.getCoefficient())).offset);
    code.loop(code.whole(0), state.panel_count, 1, [&](Value own) {
      code.loop(code.whole(0), state.streamed_count, 1, [&](Value row) {
        Value i = code.add(code.add(state.own0, panelRow(own)), code.whole(0)), j = code.add(state.streamed0, row);
        if (layout.own == 'j') std::swap(i, j);
        Value x = code.load(tile, code.add(code.mul(row, code.whole(layout.shape.panel())), own));
        access->write(x, *a->tensor, {state.b, state.h, state.n, i, j});
      });
    });
  }
}
