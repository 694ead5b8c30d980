// Elements of host tensors by type.
#include "tools/tensors/HostTensor.h"
#include "tools/tensors/FloatFormats.h"

#include <cstring>

using namespace jvpgen;

HostTensor::HostTensor(std::string name, DType dtype, std::vector<int64_t> shape)
    : name(std::move(name)), dtype(dtype), shape(std::move(shape)) {
  bytes.resize(size_t(elements()) * byteSize(dtype));
}

int64_t HostTensor::elements() const {
  int64_t n = 1;
  for (int64_t extent : shape) n *= extent;
  return n;
}

template <typename T> static T at(const void *data, int64_t element) {
  T x;
  std::memcpy(&x, static_cast<const unsigned char *>(data) + element * int64_t(sizeof(T)), sizeof(T));
  return x;
}

double jvpgen::readElement(const void *data, DType dtype, int64_t element) {
  switch (dtype) {
  case DType::F32: return at<float>(data, element);
  case DType::BF16: return fromBF16(at<uint16_t>(data, element));
  case DType::F16: return fromF16(at<uint16_t>(data, element));
  case DType::I32: return at<int32_t>(data, element);
  case DType::I8: return at<int8_t>(data, element);
  case DType::F64: return at<double>(data, element);
  }
  return 0;
}

double HostTensor::get(int64_t element) const { return readElement(bytes.data(), dtype, element); }

template <typename T> static void put(std::vector<unsigned char> &bytes, int64_t element, T x) {
  std::memcpy(bytes.data() + size_t(element) * sizeof(T), &x, sizeof(T));
}

void HostTensor::set(int64_t element, double value) {
  switch (dtype) {
  case DType::F32: return put(bytes, element, float(value));
  case DType::BF16: return put(bytes, element, toBF16(float(value)));
  case DType::F16: return put(bytes, element, toF16(float(value)));
  case DType::I32: return put(bytes, element, int32_t(value));
  case DType::I8: return put(bytes, element, int8_t(value));
  case DType::F64: return put(bytes, element, value);
  }
}

std::string jvpgen::shapeText(const std::vector<int64_t> &shape) {
  std::string out = "[";
  for (size_t k = 0; k < shape.size(); ++k) out += (k ? ", " : "") + std::to_string(shape[k]);
  return out + "]";
}
