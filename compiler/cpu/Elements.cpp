// Elementwise evaluation with sums as loops, in the canonical order of indices: deterministic.
#include "compiler/cpu/Elements.h"
#include "compiler/cpu/Frame.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

Value cpu::indexNumber(Code &code, Access &access, attn::IndexOp op, const Place &place) {
  StringRef name = op.getName();
  Value v = name == "i"          ? place.i
            : name == "j"        ? place.j
            : name == "b"        ? place.b
            : name == "h"        ? place.h
            : name == "q_length" ? access.length('i', place.b)
                                 : access.length('j', place.b);
  return code.toFloat(v);
}

namespace {

/// Sums over indices at one element.
class ElementCode {
public:
  ElementCode(Code &code, Access &access) : code(code), access(access) {}

  Value evaluate(Value value, const Element &element) {
    Scope scope(code, [&](Operation *op) { return leaf(op, element); });
    return scope.evaluate(value);
  }

private:
  Value leaf(Operation *op, const Element &element) {
    if (auto index = dyn_cast<attn::IndexOp>(op)) return indexNumber(code, access, index, element.place);
    if (auto sum = dyn_cast<attn::SumOp>(op)) return sumOver(attn::unite(sum.getOver(), ""), sum.getBody(), element);
    auto input = cast<attn::InputOp>(op);
    const Tensor &tensor = access.storage.named(input.getName(), indicesOf(input));
    return tensor.feature > 1 ? access.read(tensor, element.place, element.feature, element.width)
                              : access.read(tensor, element.place);
  }

  /// Opens one loop for the first index, the rest inside; features last, in runs whose lanes are added at the end.
  Value sumOver(StringRef over, Value body, Element element) {
    if (over.empty()) return evaluate(body, element);
    char index = over.front();
    auto add = [&](Value first, Value last, int64_t step, auto bind) {
      bool isFeature = index == 'd' || index == 'e';
      Value zero = code.numbers(0, isFeature ? kFeatureRun : element.width);
      Element inner = element;
      auto sums = code.loop(first, last, step, {zero}, [&](Value k, ArrayRef<Value> sum) {
        bind(inner, k);
        auto term = [&] { return sumOver(over.drop_front(), body, inner); };
        // Loops over i and j end at the length of a batch that is known; one that is met inside them must be asked.
        return Code::Values{code.add(sum[0], index == 'b' ? guarded(inner, term, code.widthOf(zero)) : term())};
      });
      return isFeature ? code.sumLanes(sums[0]) : sums[0];
    };
    Value none = code.whole(0);
    Place &p = element.place;
    switch (index) {
    case 'b': return add(none, access.word(kBatch), 1, [](Element &e, Value k) { e.place.b = k; });
    case 'n':
      return add(none, access.word(kKvHeads), 1, [&](Element &e, Value k) {
        e.place.n = k;
        e.place.h = code.mul(k, access.word(kGroup));
      });
    case 'r':
      return add(none, access.word(kGroup), 1,
                 [&](Element &e, Value k) { e.place.h = code.add(code.mul(p.n, access.word(kGroup)), k); });
    case 'i': return add(none, access.length('i', p.b), 1, [](Element &e, Value k) { e.place.i = k; });
    case 'j': return add(none, access.length('j', p.b), 1, [](Element &e, Value k) { e.place.j = k; });
    default:
      return add(none, code.whole(access.storage.featureLength(StringRef(&index, 1))), kFeatureRun,
                 [](Element &e, Value k) {
                   e.feature = k;
                   e.width = kFeatureRun;
                 });
    }
  }

  /// 0 at and beyond the lengths of the sequence.
  Value guarded(const Element &element, function_ref<Value()> body, unsigned width) {
    Value inside;
    auto require = [&](Value index, char axis) {
      if (!index || !element.place.b) return;
      Value fits = code.compare(Compare::Less, index, access.length(axis, element.place.b));
      inside = inside ? code.both(inside, fits) : fits;
    };
    require(element.place.i, 'i');
    require(element.place.j, 'j');
    auto value = [&] { return Code::Values{code.broadcast(body(), width)}; };
    if (!inside) return value()[0];
    return code.choose(inside, value, [&] { return Code::Values{code.numbers(0, width)}; })[0];
  }

public:
  Value evaluateGuarded(Value value, const Element &element) {
    return guarded(element, [&] { return evaluate(value, element); }, element.width);
  }

private:
  Code &code;
  Access &access;
};

} // namespace

Value cpu::evaluateElement(Code &code, Access &access, Value value, const Element &element) {
  return ElementCode(code, access).evaluate(value, element);
}

void cpu::emitPass(Code &code, Storage &storage, StringRef function, Region &body, const Tensor &target) {
  Value value = cast<attn::YieldOp>(body.front().getTerminator()).getValues()[0];
  Arguments arguments = code.beginFunction(function);
  Access access(code, storage, arguments);
  ElementCode elements(code, access);
  Element element;
  Place &place = element.place;
  if (target.has('b')) place.b = arguments.batch;
  if (target.has('r')) {
    place.h = arguments.head;
    place.n = code.div(place.h, access.word(kGroup));
  } else if (target.has('n'))
    place.n = arguments.head;

  auto writeFeatures = [&] {
    if (target.feature == 1) {
      access.write(elements.evaluateGuarded(value, element), target, place);
      return;
    }
    code.loop(code.whole(0), code.whole(target.feature), kFeatureRun, [&](Value f) {
      element.feature = f;
      element.width = kFeatureRun;
      access.write(code.broadcast(elements.evaluateGuarded(value, element), kFeatureRun), target, place, f);
    });
  };
  auto overAxis = [&](char axis, Value first, Value last, function_ref<void()> inner) {
    code.loop(first, last, 1, [&](Value row) {
      (axis == 'i' ? place.i : place.j) = row;
      inner();
    });
  };
  auto overColumns = [&] {
    if (target.isTile())
      overAxis('j', code.whole(0), access.writtenLength('j', {}), writeFeatures);
    else
      writeFeatures();
  };
  if (target.has('i') || target.has('j')) {
    char axis = target.has('i') ? 'i' : 'j';
    Value first = code.mul(arguments.block, code.whole(kPassRows));
    // Only tensors whose sequences follow one another are packed; tiles and unbatched vectors have the longest lengths.
    Value rows = target.isPackable() ? access.writtenLength(axis, place.b) : access.longest(axis);
    overAxis(axis, first, code.least(code.add(first, code.whole(kPassRows)), rows), overColumns);
  } else
    overColumns();
  code.endFunction();
}
