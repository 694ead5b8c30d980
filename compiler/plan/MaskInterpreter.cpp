// The arith operations of predicates on numbers; integers of 32 bits are exact in a double.
#include "compiler/plan/MaskInterpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>

using namespace jvpgen;
using namespace mlir;

static bool compare(arith::CmpIPredicate predicate, double a, double b) {
  switch (predicate) {
  case arith::CmpIPredicate::eq: return a == b;
  case arith::CmpIPredicate::ne: return a != b;
  case arith::CmpIPredicate::slt: return a < b;
  case arith::CmpIPredicate::sle: return a <= b;
  case arith::CmpIPredicate::sgt: return a > b;
  case arith::CmpIPredicate::sge: return a >= b;
  default: llvm_unreachable("predicates compare signed integers");
  }
}

static double constantOf(arith::ConstantOp op) {
  if (auto f = dyn_cast<FloatAttr>(op.getValue())) return f.getValueAsDouble();
  APInt v = cast<IntegerAttr>(op.getValue()).getValue();
  return v.getBitWidth() == 1 ? double(v.getBoolValue()) : double(v.getSExtValue());
}

/// Floats are compared for being another number than a constant alone (a bias above -inf).
static double evaluate(Operation &op, ArrayRef<double> x) {
  return llvm::TypeSwitch<Operation *, double>(&op)
      .Case([](arith::ConstantOp c) { return constantOf(c); })
      .Case([&](arith::AddIOp) { return x[0] + x[1]; })
      .Case([&](arith::SubIOp) { return x[0] - x[1]; })
      .Case([&](arith::MulIOp) { return x[0] * x[1]; })
      .Case([&](arith::MinSIOp) { return std::min(x[0], x[1]); })
      .Case([&](arith::MaxSIOp) { return std::max(x[0], x[1]); })
      .Case([&](arith::AndIOp) { return double(x[0] != 0 && x[1] != 0); })
      .Case([&](arith::OrIOp) { return double(x[0] != 0 || x[1] != 0); })
      .Case([&](arith::XOrIOp) { return double((x[0] != 0) != (x[1] != 0)); })
      .Case([&](arith::SelectOp) { return x[0] != 0 ? x[1] : x[2]; })
      .Case([&](arith::CmpIOp c) { return double(compare(c.getPredicate(), x[0], x[1])); })
      .Case([&](arith::CmpFOp) { return double(x[0] != x[1]); });
}

std::vector<double> MaskInterpreter::run(Region &region, ArrayRef<int> arguments) const {
  llvm::DenseMap<Value, double> values;
  Block &block = region.front();
  for (auto [argument, v] : llvm::zip(block.getArguments(), arguments)) values[argument] = v;
  int batch = arguments[0], head = arguments[1];
  for (Operation &op : block) {
    SmallVector<double> x;
    for (Value v : op.getOperands()) x.push_back(values.at(v));
    if (isa<attn::YieldOp>(op)) return {x.begin(), x.end()};
    if (auto element = dyn_cast<attn::FetchOp>(op)) {
      SmallVector<std::pair<char, int>> at;
      for (auto [axis, v] : llvm::zip(element.getAxes(), x)) at.push_back({axis, int(v)});
      values[element.getResult()] = fetch(element.getName(), batch, head, at);
    } else if (auto range = dyn_cast<attn::FetchRangeOp>(op)) {
      double least = HUGE_VAL, greatest = -HUGE_VAL;
      for (int k = int(x[0]); k <= int(x[1]); ++k) {
        double v = fetch(range.getName(), batch, head, {{range.getAxis()[0], k}});
        least = std::min(least, v), greatest = std::max(greatest, v);
      }
      values[range.getLeast()] = least, values[range.getGreatest()] = greatest;
    } else {
      values[op.getResult(0)] = evaluate(op, x);
    }
  }
  llvm_unreachable("a region of a mask ends with attn.yield");
}

bool MaskInterpreter::keeps(int batch, int head, int i, int j, int qLength, int kvLength) const {
  return run(mask->getRegion(0), {batch, head, i, j, qLength, kvLength})[0] != 0;
}

TileClass MaskInterpreter::classify(int batch, int head, int i0, int i1, int j0, int j1, int qLength,
                                    int kvLength) const {
  std::vector<double> may = run(mask->getRegion(1), {batch, head, i0, i1, j0, j1, qLength, kvLength});
  return may[0] == 0                                        ? TileClass::Empty
         : may[1] == 0 && !attn::MaskOp(mask).dropsByBias() ? TileClass::Full
                                                            : TileClass::Partial;
}
