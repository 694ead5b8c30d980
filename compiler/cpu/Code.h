// Writes the body of generated functions: loops, memory accesses, integer and float32 arithmetic on scalars and
// vectors.
#ifndef JVPGEN_COMPILER_CPU_CODE_H
#define JVPGEN_COMPILER_CPU_CODE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "runtime/abi/Tensor.h"

namespace jvpgen::cpu {

/// Every generated function is `void(frame, batch, head, block, scratch)`: see Frame.h.
struct Arguments {
  mlir::Value frame, batch, head, block, scratch;
};

enum class Compare { Less, LessEqual, Equal, Greater, NotEqual };

/// All operations of generated code are made here. Arithmetic takes integers (i64, i32, i1) or float32; where one
/// operand is a vector and the other a scalar, the scalar is broadcast.
class Code {
public:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<mlir::Value, 8>;

  /// `lanes`: float32 numbers in the widest vector of the target.
  Code(mlir::ModuleOp module, unsigned lanes);

  Arguments beginFunction(llvm::StringRef name);
  void endFunction();

  unsigned lanes() const { return lanes_; }
  mlir::OpBuilder &builder() { return b; }

  // Constants and types.
  Value number(double value);                  ///< f32
  Value numbers(double value, unsigned width); ///< f32, or a vector if width > 1
  Value whole(int64_t value);                  ///< i64
  Value integer(int64_t value);                ///< i32
  Value truth(bool value);                     ///< i1
  Value laneNumbers(unsigned width);           ///< 0, 1, 2, ... as vector of i64
  static unsigned widthOf(Value v);            ///< 1 for scalars
  static bool isFloat(Value v);
  Value broadcast(Value v, unsigned width); ///< to a vector; a vector of that width stays

  // Arithmetic; integers are signed.
  Value add(Value a, Value b), sub(Value a, Value b), mul(Value a, Value b), div(Value a, Value b),
      rem(Value a, Value b);
  Value least(Value a, Value b), greatest(Value a, Value b); ///< b where a is not less (greater): NaN in b stays
  Value fma(Value a, Value b, Value c);                      ///< a * b + c
  Value compare(Compare how, Value a, Value b);
  Value both(Value a, Value b), either(Value a, Value b), negate(Value a); ///< of i1
  Value select(Value condition, Value a, Value b);
  Value toFloat(Value v), toI32(Value v), toI64(Value v);
  Value roundUp(Value v, int64_t multiple);
  enum class Function { Exp, Log, Tanh, Sqrt, Abs };
  Value apply(Function f, Value v);
  Value sumLanes(Value v);
  Value anyLane(Value v), allLanes(Value v);
  Value lane(Value v, unsigned k);

  /// The same operation (of arith) on the given operands, broadcast to the widest of them.
  Values clone(mlir::Operation *op, llvm::ArrayRef<Value> operands);

  // Memory. Offsets are in elements, i64.
  Value bytes(Value pointer, Value offset);  ///< pointer + offset bytes
  Value floats(Value pointer, Value offset); ///< pointer + offset float32
  Value floats(Value pointer, int64_t offset);
  Value loadWhole(Value pointer, Value offset); ///< i64
  Value loadPointer(Value pointer, int64_t byteOffset);
  Value load(Value pointer, Value offset,
             unsigned width = 1); ///< float32 of scratch: aligned to its width, or to 64 bytes
  void store(Value value, Value pointer, Value offset);
  Value read(Value pointer, Value offset, DType dtype, unsigned width = 1); ///< anything in memory, as f32 or i32
  Value gather(Value pointer, Value offsets, DType dtype);                  ///< one element at each of the offsets
  void write(Value value, Value pointer, Value offset, DType dtype);        ///< f32 in that type, to nearest even

  // Control.
  void loop(Value from, Value to, int64_t step, llvm::function_ref<void(Value)> body);
  Values loop(Value from, Value to, int64_t step, llvm::ArrayRef<Value> initial,
              llvm::function_ref<Values(Value, llvm::ArrayRef<Value>)> body);
  void when(Value condition, llvm::function_ref<void()> then);
  void when(Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise);
  Values choose(Value condition, llvm::function_ref<Values()> then, llvm::function_ref<Values()> otherwise);

private:
  void match(Value &a, Value &b);
  Value fromMemory(Value raw, DType dtype);
  mlir::Type memoryType(DType dtype, unsigned width);

  mlir::ImplicitLocOpBuilder b;
  mlir::ModuleOp module;
  unsigned lanes_;
};

} // namespace jvpgen::cpu

#endif
