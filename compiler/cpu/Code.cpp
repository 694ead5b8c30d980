// Operations of generated code, in the dialects arith, math, vector, scf and llvm (pointers).
#include "compiler/cpu/Code.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

Code::Code(ModuleOp module, unsigned lanes) : b(module.getLoc(), module.getContext()), module(module), lanes_(lanes) {
  module.getContext()
      ->loadDialect<arith::ArithDialect, LLVM::LLVMDialect, math::MathDialect, scf::SCFDialect,
                    vector::VectorDialect>();
}

Arguments Code::beginFunction(StringRef name) {
  Type pointer = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer, i64, i64, i64, pointer});
  b.setInsertionPointToEnd(module.getBody());
  auto function = LLVM::LLVMFuncOp::create(b, name, type);
  // The widest vectors: the default preference of many processors halves them.
  function.setPassthroughAttr(
      b.getArrayAttr({b.getStrArrayAttr({"prefer-vector-width", "512"}), b.getStringAttr("nounwind")}));
  Block *block = function.addEntryBlock(b);
  b.setInsertionPointToStart(block);
  return {block->getArgument(0), block->getArgument(1), block->getArgument(2), block->getArgument(3),
          block->getArgument(4)};
}

void Code::endFunction() { LLVM::ReturnOp::create(b, ValueRange{}); }

// ---- constants and types -------------------------------------------------------------------------------------------

Value Code::number(double value) { return arith::ConstantOp::create(b, b.getF32FloatAttr(static_cast<float>(value))); }
Value Code::numbers(double value, unsigned width) { return broadcast(number(value), width); }
Value Code::whole(int64_t value) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(value)); }
Value Code::integer(int64_t value) { return arith::ConstantOp::create(b, b.getI32IntegerAttr(value)); }
Value Code::truth(bool value) { return arith::ConstantOp::create(b, b.getBoolAttr(value)); }

Value Code::laneNumbers(unsigned width) {
  SmallVector<int64_t> numbers(width);
  for (unsigned k = 0; k < width; ++k) numbers[k] = k;
  auto type = VectorType::get({width}, b.getI64Type());
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, ArrayRef<int64_t>(numbers)));
}

unsigned Code::widthOf(Value v) {
  auto type = dyn_cast<VectorType>(v.getType());
  return type ? static_cast<unsigned>(type.getNumElements()) : 1;
}

bool Code::isFloat(Value v) { return isa<FloatType>(getElementTypeOrSelf(v)); }

Value Code::broadcast(Value v, unsigned width) {
  if (widthOf(v) == width) return v;
  return vector::BroadcastOp::create(b, VectorType::get({width}, v.getType()), v);
}

void Code::match(Value &a, Value &other) {
  unsigned width = std::max(widthOf(a), widthOf(other));
  a = broadcast(a, width);
  other = broadcast(other, width);
}

// ---- arithmetic ----------------------------------------------------------------------------------------------------

Value Code::add(Value x, Value y) {
  match(x, y);
  return isFloat(x) ? arith::AddFOp::create(b, x, y).getResult() : arith::AddIOp::create(b, x, y).getResult();
}
Value Code::sub(Value x, Value y) {
  match(x, y);
  return isFloat(x) ? arith::SubFOp::create(b, x, y).getResult() : arith::SubIOp::create(b, x, y).getResult();
}
Value Code::mul(Value x, Value y) {
  match(x, y);
  return isFloat(x) ? arith::MulFOp::create(b, x, y).getResult() : arith::MulIOp::create(b, x, y).getResult();
}
Value Code::div(Value x, Value y) {
  match(x, y);
  return isFloat(x) ? arith::DivFOp::create(b, x, y).getResult() : arith::DivSIOp::create(b, x, y).getResult();
}
Value Code::rem(Value x, Value y) { return arith::RemSIOp::create(b, x, y); }
Value Code::least(Value x, Value y) {
  match(x, y);
  return select(compare(Compare::Less, x, y), x, y);
}
Value Code::greatest(Value x, Value y) {
  match(x, y);
  return select(compare(Compare::Greater, x, y), x, y);
}

Value Code::fma(Value x, Value y, Value z) {
  unsigned width = std::max({widthOf(x), widthOf(y), widthOf(z)});
  return math::FmaOp::create(b, broadcast(x, width), broadcast(y, width), broadcast(z, width));
}

Value Code::compare(Compare how, Value x, Value y) {
  match(x, y);
  if (isFloat(x)) {
    using P = arith::CmpFPredicate;
    P p = how == Compare::Less        ? P::OLT
          : how == Compare::LessEqual ? P::OLE
          : how == Compare::Equal     ? P::OEQ
          : how == Compare::Greater   ? P::OGT
                                      : P::UNE;
    return arith::CmpFOp::create(b, p, x, y);
  }
  using P = arith::CmpIPredicate;
  P p = how == Compare::Less        ? P::slt
        : how == Compare::LessEqual ? P::sle
        : how == Compare::Equal     ? P::eq
        : how == Compare::Greater   ? P::sgt
                                    : P::ne;
  return arith::CmpIOp::create(b, p, x, y);
}

Value Code::both(Value x, Value y) {
  match(x, y);
  return arith::AndIOp::create(b, x, y);
}
Value Code::either(Value x, Value y) {
  match(x, y);
  return arith::OrIOp::create(b, x, y);
}
Value Code::negate(Value x) { return arith::XOrIOp::create(b, x, broadcast(truth(true), widthOf(x))); }

Value Code::select(Value condition, Value x, Value y) {
  match(x, y);
  unsigned width = std::max(widthOf(condition), widthOf(x));
  return arith::SelectOp::create(b, broadcast(condition, width), broadcast(x, width), broadcast(y, width));
}

static Type withElement(Value v, Type element) {
  unsigned width = Code::widthOf(v);
  return width == 1 ? element : VectorType::get({width}, element);
}

Value Code::toFloat(Value v) { return arith::SIToFPOp::create(b, withElement(v, b.getF32Type()), v); }
Value Code::toI32(Value v) { return arith::TruncIOp::create(b, withElement(v, b.getI32Type()), v); }
Value Code::toI64(Value v) { return arith::ExtSIOp::create(b, withElement(v, b.getI64Type()), v); }

Value Code::roundUp(Value v, int64_t multiple) {
  return mul(div(add(v, whole(multiple - 1)), whole(multiple)), whole(multiple));
}

Value Code::apply(Function f, Value v) {
  switch (f) {
  case Function::Exp: return math::ExpOp::create(b, v);
  case Function::Log: return math::LogOp::create(b, v);
  case Function::Tanh: return math::TanhOp::create(b, v);
  case Function::Sqrt: return math::SqrtOp::create(b, v);
  case Function::Abs: return math::AbsFOp::create(b, v);
  }
  llvm_unreachable("all functions are handled");
}

Value Code::sumLanes(Value v) {
  return widthOf(v) == 1 ? v : vector::ReductionOp::create(b, vector::CombiningKind::ADD, v);
}
Value Code::anyLane(Value v) { return vector::ReductionOp::create(b, vector::CombiningKind::OR, v); }
Value Code::allLanes(Value v) { return vector::ReductionOp::create(b, vector::CombiningKind::AND, v); }
Value Code::lane(Value v, unsigned k) { return vector::ExtractOp::create(b, v, static_cast<int64_t>(k)); }

Code::Values Code::clone(Operation *op, ArrayRef<Value> operands) {
  unsigned width = 1;
  for (Value v : operands) width = std::max(width, widthOf(v));
  OperationState state(b.getLoc(), op->getName());
  for (Value v : operands) state.operands.push_back(broadcast(v, width));
  for (Type type : op->getResultTypes()) state.types.push_back(width == 1 ? type : VectorType::get({width}, type));
  state.attributes = op->getAttrs();
  state.propertiesAttr = op->getPropertiesAsAttribute();
  return Values(b.create(state)->getResults());
}

// ---- memory --------------------------------------------------------------------------------------------------------

Value Code::bytes(Value pointer, Value offset) {
  return LLVM::GEPOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), b.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{offset});
}
Value Code::floats(Value pointer, Value offset) {
  return LLVM::GEPOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), b.getF32Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{offset});
}
Value Code::floats(Value pointer, int64_t offset) {
  return LLVM::GEPOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), b.getF32Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
}

Value Code::loadWhole(Value pointer, Value offset) {
  return LLVM::LoadOp::create(b, b.getI64Type(), bytes(pointer, mul(offset, whole(8))), 8);
}
Value Code::loadPointer(Value pointer, int64_t byteOffset) {
  return LLVM::LoadOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), bytes(pointer, whole(byteOffset)), 8);
}

static unsigned scratchAlignment(unsigned width) { return std::min(4 * width, 64u); }

Value Code::load(Value pointer, Value offset, unsigned width) {
  return LLVM::LoadOp::create(b, memoryType(DType::F32, width), floats(pointer, offset), scratchAlignment(width));
}
void Code::store(Value value, Value pointer, Value offset) {
  LLVM::StoreOp::create(b, value, floats(pointer, offset), scratchAlignment(widthOf(value)));
}

Type Code::memoryType(DType dtype, unsigned width) {
  Type element = dtype == DType::F32    ? b.getF32Type()
                 : dtype == DType::F16  ? b.getF16Type()
                 : dtype == DType::BF16 ? Type(b.getI16Type())
                 : dtype == DType::I32  ? Type(b.getI32Type())
                                        : Type(b.getI8Type());
  return width == 1 ? element : VectorType::get({width}, element);
}

/// A bfloat16 is the upper half of a float32.
Value Code::fromMemory(Value raw, DType dtype) {
  Type f32 = withElement(raw, b.getF32Type()), i32 = withElement(raw, b.getI32Type());
  switch (dtype) {
  case DType::F32:
  case DType::I32: return raw;
  case DType::F16: return arith::ExtFOp::create(b, f32, raw);
  case DType::BF16: {
    Value wide = arith::ExtUIOp::create(b, i32, raw);
    Value shifted = arith::ShLIOp::create(b, wide, broadcast(integer(16), widthOf(raw)));
    return arith::BitcastOp::create(b, f32, shifted);
  }
  case DType::I8: return arith::ExtSIOp::create(b, i32, raw);
  case DType::F64: break;
  }
  llvm_unreachable("no tensor of an interface is f64");
}

Value Code::read(Value pointer, Value offset, DType dtype, unsigned width) {
  Value at = bytes(pointer, mul(offset, whole(byteSize(dtype))));
  return fromMemory(LLVM::LoadOp::create(b, memoryType(dtype, width), at, byteSize(dtype)), dtype);
}

Value Code::gather(Value pointer, Value offsets, DType dtype) {
  unsigned width = widthOf(offsets);
  Type element = memoryType(dtype, 1);
  auto pointers = VectorType::get({width}, LLVM::LLVMPointerType::get(b.getContext()));
  Value at = LLVM::GEPOp::create(b, pointers, element, pointer, ArrayRef<LLVM::GEPArg>{offsets});
  Value all = broadcast(truth(true), width);
  Value raw = LLVM::masked_gather::create(b, memoryType(dtype, width), at, all, ValueRange{},
                                          b.getI32IntegerAttr(byteSize(dtype)));
  return fromMemory(raw, dtype);
}

/// bfloat16, to nearest even: bits + 0x7fff + (bit 16), upper half; a NaN keeps its upper half, with a bit set so that
/// it stays one.
void Code::write(Value value, Value pointer, Value offset, DType dtype) {
  Value raw = value;
  unsigned width = widthOf(value);
  if (dtype == DType::F16) raw = arith::TruncFOp::create(b, withElement(value, b.getF16Type()), value);
  if (dtype == DType::BF16) {
    auto constant = [&](int64_t k) { return broadcast(integer(k), width); };
    Value bits = arith::BitcastOp::create(b, withElement(value, b.getI32Type()), value);
    Value odd = arith::AndIOp::create(b, arith::ShRUIOp::create(b, bits, constant(16)), constant(1));
    Value rounded = add(add(bits, constant(0x7fff)), odd);
    Value nan = arith::OrIOp::create(b, bits, constant(0x400000));
    Value chosen = select(compare(Compare::NotEqual, value, value), nan, rounded);
    raw =
        arith::TruncIOp::create(b, withElement(value, b.getI16Type()), arith::ShRUIOp::create(b, chosen, constant(16)));
  }
  LLVM::StoreOp::create(b, raw, bytes(pointer, mul(offset, whole(byteSize(dtype)))), byteSize(dtype));
}

// ---- control -------------------------------------------------------------------------------------------------------

Code::Values Code::loop(Value from, Value to, int64_t step, ArrayRef<Value> initial,
                        function_ref<Values(Value, ArrayRef<Value>)> body) {
  auto loop = scf::ForOp::create(b, from, to, whole(step), initial, [](OpBuilder &, Location, Value, ValueRange) {});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  Values arguments(loop.getRegionIterArgs());
  Values results = body(loop.getInductionVar(), arguments);
  b.setInsertionPointToEnd(loop.getBody());
  scf::YieldOp::create(b, results);
  return Values(loop.getResults());
}

void Code::loop(Value from, Value to, int64_t step, function_ref<void(Value)> body) {
  loop(from, to, step, {}, [&](Value k, ArrayRef<Value>) {
    body(k);
    return Values();
  });
}

void Code::when(Value condition, function_ref<void()> then) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
}

void Code::when(Value condition, function_ref<void()> then, function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
  b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

Code::Values Code::choose(Value condition, function_ref<Values()> then, function_ref<Values()> otherwise) {
  Values results;
  // The types are known only once a side is written: it is written aside first, then moved in.
  auto write = [&](function_ref<Values()> side) {
    auto holder = scf::ExecuteRegionOp::create(b, TypeRange{});
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&holder.getRegion());
    results = side();
    scf::YieldOp::create(b, results);
    return holder;
  };
  auto thenRegion = write(then);
  auto elseRegion = write(otherwise);
  auto branch =
      scf::IfOp::create(b, TypeRange(ValueRange(results)), condition, /*addThenBlock=*/false, /*addElseBlock=*/false);
  branch.getThenRegion().takeBody(thenRegion.getRegion());
  branch.getElseRegion().takeBody(elseRegion.getRegion());
  thenRegion.erase();
  elseRegion.erase();
  return Values(branch.getResults());
}
