// A tensor that owns its bytes, and sets of them by name.
#ifndef JVPGEN_TOOLS_TENSORS_HOSTTENSOR_H
#define JVPGEN_TOOLS_TENSORS_HOSTTENSOR_H

#include "runtime/abi/Tensor.h"
#include <map>
#include <string>
#include <vector>

namespace jvpgen {

/// Row-major and without gaps: the last index is contiguous.
struct HostTensor {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  std::vector<unsigned char> bytes;

  HostTensor() = default;
  HostTensor(std::string name, DType dtype, std::vector<int64_t> shape);

  int64_t elements() const;
  double get(int64_t element) const;
  void set(int64_t element, double value); ///< rounded to nearest even; integers must be whole numbers
};

using TensorSet = std::map<std::string, HostTensor, std::less<>>;

/// One element at an address, as a double.
double readElement(const void *data, DType dtype, int64_t element);

/// "[2, 4, 128, 64]".
std::string shapeText(const std::vector<int64_t> &shape);

} // namespace jvpgen

#endif
