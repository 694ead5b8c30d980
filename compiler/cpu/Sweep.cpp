// Loops of a sweep, packing, and the choice of tiles.
#include "compiler/cpu/Sweep.h"
#include "compiler/cpu/Elements.h"
#include "compiler/cpu/Frame.h"
#include <limits>

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

void SweepCode::emit(StringRef function) {
  arguments = code.beginFunction(function);
  access = std::make_unique<Access>(code, storage, arguments);
  predicate = std::make_unique<Predicate>(code, *access, mask);
  state.b = arguments.batch;
  state.own_length = access->length(layout.own, state.b);
  state.streamed_length = access->length(layout.streamed, state.b);
  state.own_size = code.whole(layout.shape.own_rows);
  if (layout.per_key_head) {
    state.n = arguments.head;
    rowsOfKeyHead();
  } else {
    if (layout.own == 'i') {
      state.h = arguments.head;
      state.n = code.div(state.h, access->word(kGroup));
    } else
      state.n = arguments.head;
    state.own_size = code.least(state.own_size, access->word(layout.own == 'i' ? kQBlockRows : kKvBlockRows));
    state.own0 = code.mul(arguments.block, state.own_size);
    ownBlock();
  }
  code.endFunction();
}

/// The query heads of the key head.
void SweepCode::forEachHead(function_ref<void()> body) {
  Value group = access->word(kGroup), first = code.mul(state.n, group);
  code.loop(first, code.add(first, group), 1, [&](Value h) {
    state.h = h;
    body();
  });
}

/// Owners that add to the same copy follow one another: deterministic. Stored tiles reach to the longest length,
/// whatever the sequence's own.
void SweepCode::rowsOfKeyHead() {
  clearGlobals();
  Value rows = access->word(layout.own == 'i' ? kQTaskRows : kKvTaskRows), first = code.mul(arguments.block, rows);
  bool hasTiles = llvm::any_of(layout.accumulators, [](const Accumulator &a) { return a.isTile(); });
  Value end = hasTiles ? access->longest(layout.own) : access->writtenLength(layout.own, state.b);
  Value last = code.least(code.add(first, rows), end);
  auto blocks = [&] {
    code.loop(first, last, layout.shape.own_rows, [&](Value own0) {
      state.own0 = own0;
      ownBlock();
    });
  };
  if (layout.own == 'i')
    forEachHead(blocks);
  else
    blocks();
}

Value SweepCode::globalData(const Accumulator &a) {
  return code.floats(access->pointer(*a.tensor), code.mul(arguments.block, access->stride(*a.tensor, 4)));
}

void SweepCode::clearGlobals() {
  Place place{state.b, {}, state.n, {}, {}};
  Value rows = access->longest(layout.streamed), zero = code.whole(0);
  for (const Accumulator &a : layout.accumulators) {
    if (a.isRegister() || a.isTile()) continue;
    (layout.streamed == 'i' ? place.i : place.j) = zero;
    Value count = code.mul(code.roundUp(rows, 16), code.whole(a.tensor->padded_feature));
    auto clearHead = [&] {
      place.h = state.h;
      fill(code.floats(globalData(a), access->offset(*a.tensor, place)), count, 0);
    };
    if (a.tensor->has('r'))
      forEachHead(clearHead);
    else
      clearHead();
  }
}

/// count is a multiple of 16.
void SweepCode::fill(Value pointer, Value count, double value) {
  Value x = code.numbers(value, code.lanes());
  code.loop(code.whole(0), count, code.lanes(), [&](Value k) { code.store(x, pointer, k); });
}

void SweepCode::ownBlock() {
  Value zero = code.whole(0);
  state.own_count = code.greatest(code.least(state.own_size, code.sub(state.own_length, state.own0)), zero);
  clear();
  code.when(code.compare(Compare::Greater, state.own_count, zero), [&] {
    packOwn();
    if (layout.own == 'i')
      streamHead();
    else
      forEachHead([&] { streamHead(); });
  });
  Value written = access->writtenLength(layout.own, state.b);
  Value rows = code.least(state.own_size, code.sub(written, state.own0));
  code.loop(zero, rows, layout.shape.panel(), [&](Value panel0) {
    epilogues(panel0, code.least(code.sub(rows, panel0), code.whole(layout.shape.panel())));
  });
}

/// Accumulators and shifts start at 0, maxima at -inf; tiles that will be skipped are 0.
void SweepCode::clear() {
  Value rows = code.whole(layout.shape.own_rows);
  for (const Accumulator &a : layout.accumulators)
    if (a.isRegister()) fill(scratch(a.offset), code.mul(rows, code.whole(a.feature)), 0);
  if (layout.max) fill(scratch(layout.max_offset), rows, -std::numeric_limits<double>::infinity());
  if (layout.seen_offset >= 0) fill(scratch(layout.seen_offset), rows, 0);
  for (auto [shift, offset] : layout.shift_offset) fill(scratch(offset), rows, 0);
  clearTiles();
}

void SweepCode::clearTiles() {
  for (const Accumulator &a : layout.accumulators) {
    if (!a.isTile()) continue;
    auto clearHead = [&] {
      Value last = code.least(code.add(state.own0, state.own_size), access->longest(layout.own));
      code.loop(state.own0, last, 1, [&](Value own) {
        code.loop(code.whole(0), access->longest(layout.streamed), 1, [&](Value other) {
          bool row = layout.own == 'i';
          access->write(code.number(0), *a.tensor, {state.b, state.h, state.n, row ? own : other, row ? other : own});
        });
      });
    };
    if (layout.own == 'i')
      clearHead();
    else
      forEachHead(clearHead);
  }
}

Element SweepCode::elementOf(char axis, Value row) {
  Element element{{state.b, state.h, state.n, {}, {}}, {}, 1};
  (axis == 'i' ? element.place.i : element.place.j) = row;
  return element;
}

/// Rows of the block that are beyond the sequence become 0 up to the end of their panel.
void SweepCode::packOwn() {
  Value zero = code.whole(0), last = code.sub(state.own_length, code.whole(1));
  Value rows = code.roundUp(state.own_count, layout.shape.panel());
  int64_t panel = layout.shape.panel();
  auto pack = [&](const Operand &o, function_ref<void(Value row, Value feature, Value run)> put) {
    code.loop(zero, rows, 1, [&](Value row) {
      Element element = elementOf(layout.own, code.least(code.add(state.own0, row), last));
      Value inside = code.compare(Compare::Less, row, state.own_count);
      code.loop(zero, code.whole(o.feature), kFeatureRun, [&](Value f) {
        element.feature = f;
        element.width = kFeatureRun;
        Value run = code.broadcast(evaluateElement(code, *access, o.value, element), kFeatureRun);
        put(row, f, code.select(inside, run, code.number(0)));
      });
    });
  };
  for (const Operand &o : layout.own_transposed)
    pack(o, [&](Value row, Value feature, Value run) {
      Value inPanel = code.rem(row, code.whole(panel)), panel0 = code.sub(row, inPanel);
      Value at =
          code.add(code.add(code.mul(panel0, code.whole(o.feature)), inPanel), code.mul(feature, code.whole(panel)));
      for (unsigned k = 0; k < kFeatureRun; ++k)
        code.store(code.lane(run, k), scratch(o.offset), code.add(at, code.whole(k * panel)));
    });
  for (const Operand &o : layout.own_native) {
    int64_t padded = roundUp(o.feature, 16);
    if (padded != o.feature) fill(scratch(o.offset), code.whole(layout.shape.own_rows * padded), 0);
    pack(o, [&](Value row, Value feature, Value run) {
      code.store(run, scratch(o.offset), code.add(code.mul(row, code.whole(padded)), feature));
    });
  }
}

/// Features that are copied at once: the most of 64, 32, 16, 8 that divide their number.
static unsigned packedRun(int64_t feature) {
  unsigned width = 8 * kFeatureRun;
  while (feature % width) width /= 2;
  return width;
}

/// Rows of the tile at or beyond the length become 0 up to the end of the register block.
void SweepCode::packStreamed() {
  Value zero = code.whole(0);
  for (const Operand &o : layout.streamed_native) {
    unsigned width = packedRun(o.feature);
    auto rows = [&](Value from, Value to, function_ref<Value(Value row, Value feature)> run) {
      code.loop(from, to, 1, [&](Value row) {
        Value at = code.mul(row, code.whole(o.feature));
        code.loop(zero, code.whole(o.feature), width,
                  [&](Value f) { code.store(run(row, f), scratch(o.offset), code.add(at, f)); });
      });
    };
    rows(zero, state.streamed_count, [&](Value row, Value feature) {
      Element element = elementOf(layout.streamed, code.add(state.streamed0, row));
      element.feature = feature;
      element.width = width;
      return code.broadcast(evaluateElement(code, *access, o.value, element), width);
    });
    rows(state.streamed_count, state.rows8, [&](Value, Value) { return code.numbers(0, width); });
  }
}

/// The class of the tile's entries for `ownCount` rows from `own0` on.
std::pair<Value, Value> SweepCode::classify(Value own0, Value ownCount) {
  Value one = code.whole(1), own1 = code.sub(code.add(own0, ownCount), one);
  Value streamed1 = code.sub(code.add(state.streamed0, state.streamed_count), one);
  Place place{state.b, state.h, state.n, {}, {}};
  if (layout.own == 'i') return predicate->classify(place, own0, own1, state.streamed0, streamed1);
  return predicate->classify(place, state.streamed0, streamed1, own0, own1);
}

void SweepCode::streamHead() {
  code.loop(code.whole(0), state.streamed_length, layout.shape.streamed_rows, [&](Value streamed0) {
    state.streamed0 = streamed0;
    state.streamed_count =
        code.least(code.whole(layout.shape.streamed_rows), code.sub(state.streamed_length, streamed0));
    state.rows8 = code.roundUp(state.streamed_count, 8);
    code.when(classify(state.own0, state.own_count).first, [&] { streamTile(); });
  });
}

void SweepCode::streamTile() {
  packStreamed();
  Value width = code.whole(layout.shape.panel());
  Value raggedRows = code.compare(Compare::NotEqual, state.streamed_count, state.rows8);
  code.loop(code.whole(0), state.own_count, layout.shape.panel(), [&](Value panel0) {
    state.panel0 = panel0;
    state.panel_count = code.least(width, code.sub(state.own_count, panel0));
    auto [some, notAll] = classify(code.add(state.own0, panel0), state.panel_count);
    Value ragged = code.either(raggedRows, code.compare(Compare::Less, state.panel_count, width));
    code.when(some, [&, notAll = notAll] { tile(code.either(notAll, ragged)); });
  });
}
