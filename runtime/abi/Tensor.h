// Tensors as callers hand them over: a pointer, a type in memory, strides.
#ifndef JVPGEN_RUNTIME_ABI_TENSOR_H
#define JVPGEN_RUNTIME_ABI_TENSOR_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace jvpgen {

enum class DType : uint8_t { F32, BF16, F16, I32, I8, F64 }; ///< F64: of references, never of an interface

constexpr size_t byteSize(DType t) {
  return t == DType::F64 ? 8 : t == DType::F32 || t == DType::I32 ? 4 : t == DType::I8 ? 1 : 2;
}
constexpr std::string_view name(DType t) {
  constexpr std::string_view names[] = {"f32", "bf16", "f16", "i32", "i8", "f64"};
  return names[static_cast<size_t>(t)];
}

/// Strides are in elements, along b, head (query heads where the tensor's indices hold n and r, key heads where they
/// hold n alone), i, j; 0 along an index that the tensor lacks or that is broadcast. The feature index is contiguous.
/// Packed tensors hold all sequences behind one another along i (j): their stride along b is 0 and the offsets tell the
/// start.
struct TensorView {
  void *data = nullptr;
  DType dtype = DType::F32;
  int64_t stride[4] = {0, 0, 0, 0};
};

using TensorMap = std::map<std::string, TensorView, std::less<>>;

} // namespace jvpgen

#endif
