#include "tuner/Workload.h"

#include "support/Hash.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

using namespace jvpgen;
using namespace jvpgen::tuner;

static bool endsWith(const std::string &text, const char *end) { return text.ends_with(end); }

Problem tuner::completed(const KernelBundle &bundle, Problem problem) {
  const int64_t sequences = bundle.layout == "packed" ? problem.batch : 1;
  problem.q_total = sequences * problem.q_length;
  problem.kv_total = sequences * problem.kv_length;
  return problem;
}

static int64_t extentOf(const KernelBundle &bundle, const TensorDeclaration &tensor, char index, const Problem &p) {
  const bool both = tensor.indices.find('i') != std::string::npos && tensor.indices.find('j') != std::string::npos;
  const bool packed = bundle.layout == "packed" && !both;
  switch (index) {
  case 'b': return endsWith(tensor.name, "_offsets") ? p.batch + 1 : packed && tensor.indices.size() > 1 ? 1 : p.batch;
  case 'n': return p.kv_heads;
  case 'r': return p.group();
  case 'i': return packed ? p.q_total : p.q_length;
  case 'j': return packed ? p.kv_total : p.kv_length;
  case 'd': return bundle.head_dim_qk;
  default: return bundle.head_dim_v;
  }
}

TensorLayout tuner::layoutOf(const KernelBundle &bundle, const TensorDeclaration &tensor, const Problem &problem) {
  TensorLayout out;
  out.elements = 1;
  for (size_t k = tensor.indices.size(); k-- > 0;) {
    const char index = tensor.indices[k];
    const int64_t extent = extentOf(bundle, tensor, index, problem);
    const int axis = index == 'b' ? 0 : index == 'r' || index == 'n' ? 1 : index == 'i' ? 2 : index == 'j' ? 3 : -1;
    const bool isHeadOfGroup = index == 'n' && tensor.indices.find('r') != std::string::npos;
    const bool isPackedBatch = index == 'b' && extent == 1 && problem.batch > 1;
    if (axis >= 0 && !isHeadOfGroup && !isPackedBatch) out.stride[axis] = out.elements;
    if (k + 1 == tensor.indices.size()) out.features = std::max<int64_t>(extent, 1);
    out.elements *= extent;
  }
  out.bytes = size_t(out.elements) * byteSize(tensor.dtype);
  return out;
}

std::vector<int64_t> tuner::extentsOf(const KernelBundle &bundle, const TensorDeclaration &tensor,
                                      const Problem &problem) {
  std::vector<int64_t> out;
  for (char index : tensor.indices) out.push_back(extentOf(bundle, tensor, index, problem));
  return out;
}

TensorView tuner::viewOf(const TensorDeclaration &tensor, const TensorLayout &layout, void *data) {
  TensorView view = {data, tensor.dtype, {}};
  std::copy_n(layout.stride, 4, view.stride);
  return view;
}

static void put(std::vector<unsigned char> &bytes, int64_t k, DType type, double value) {
  unsigned char *at = bytes.data() + size_t(k) * byteSize(type);
  if (type == DType::F64) {
    std::memcpy(at, &value, 8);
  } else if (type == DType::I8) {
    *at = (unsigned char)(value);
  } else if (type == DType::I32) {
    const int32_t x = int32_t(value);
    std::memcpy(at, &x, 4);
  } else if (type == DType::F32) {
    const float x = float(value);
    std::memcpy(at, &x, 4);
  } else if (type == DType::F16) {
    const _Float16 x = _Float16(value);
    std::memcpy(at, &x, 2);
  } else { // to nearest; ties do not matter for random numbers
    const uint16_t x = uint16_t((std::bit_cast<uint32_t>(float(value)) + 0x8000) >> 16);
    std::memcpy(at, &x, 2);
  }
}

std::vector<unsigned char> tuner::encoded(std::span<const double> numbers, DType type) {
  std::vector<unsigned char> out(numbers.size() * byteSize(type));
  for (size_t k = 0; k < numbers.size(); ++k) put(out, int64_t(k), type, numbers[k]);
  return out;
}

template <typename T> static T at(std::span<const unsigned char> bytes, size_t k) {
  T out;
  std::memcpy(&out, bytes.data() + k * sizeof(T), sizeof(T));
  return out;
}

std::vector<double> tuner::decoded(std::span<const unsigned char> bytes, DType type) {
  std::vector<double> out(bytes.size() / byteSize(type));
  for (size_t k = 0; k < out.size(); ++k) switch (type) {
    case DType::F64: out[k] = at<double>(bytes, k); break;
    case DType::F32: out[k] = at<float>(bytes, k); break;
    case DType::F16: out[k] = double(at<_Float16>(bytes, k)); break;
    case DType::BF16: out[k] = std::bit_cast<float>(uint32_t(at<uint16_t>(bytes, k)) << 16); break;
    case DType::I32: out[k] = at<int32_t>(bytes, k); break;
    case DType::I8: out[k] = at<int8_t>(bytes, k); break;
    }
  return out;
}

static std::vector<unsigned char> integers(const TensorDeclaration &tensor, const TensorLayout &layout,
                                           const Problem &p) {
  const bool query = tensor.name.starts_with("q_") || tensor.indices.find('i') != std::string::npos;
  const int64_t length = query ? p.q_length : p.kv_length, document = std::max<int64_t>(1, (length + 3) / 4);
  const bool offsets = endsWith(tensor.name, "_offsets"), lengths = endsWith(tensor.name, "_lengths");
  std::vector<unsigned char> out(layout.bytes);
  for (int64_t k = 0; k < layout.elements; ++k)
    put(out, k, tensor.dtype,
        double(offsets                  ? k * length
               : lengths                ? length
               : tensor.indices.empty() ? std::max<int64_t>(1, p.kv_length / 2)
                                        : k % std::max<int64_t>(1, length) / document));
  return out;
}

std::vector<unsigned char> tuner::inputBytes(const TensorDeclaration &tensor, const TensorLayout &layout,
                                             const Problem &problem, uint64_t seed) {
  if (tensor.dtype == DType::I32) return integers(tensor, layout, problem);
  constexpr int64_t kDrawn = 1048573; // prime: rows of no tensor repeat
  const std::string digest = sha256(tensor.name);
  std::mt19937_64 random(seed ^ std::strtoull(digest.substr(0, 16).c_str(), nullptr, 16));
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  const double scale = tensor.indices == "nr" || tensor.indices == "n" ? 0.3 : 1;
  const int64_t drawn = std::min(layout.elements, kDrawn);
  std::vector<unsigned char> out(layout.bytes);
  for (int64_t k = 0; k < drawn; ++k) {
    double x = tensor.dtype == DType::I8 ? double(uniform(random) >= 0.2) : scale * normal(random);
    if (tensor.indices.empty()) x = std::abs(x) + 0.5;
    put(out, k, tensor.dtype, x);
  }
  for (size_t done = size_t(drawn) * byteSize(tensor.dtype); done > 0 && done < out.size();) {
    const size_t more = std::min(done, out.size() - done); // doubled each time, in step with the period
    std::memcpy(out.data() + done, out.data(), more);
    done += more;
  }
  return out;
}

std::set<std::string> tuner::tensorsOf(const KernelBundle &bundle, const KernelVariant &variant) {
  std::set<std::string> named, out;
  for (const Launch &launch : variant.launches) {
    named.insert(launch.tensors.begin(), launch.tensors.end());
    for (const TensorMapDeclaration &map : launch.maps) named.insert(map.tensor);
  }
  for (const TensorDeclaration &tensor : bundle.tensors)
    if (named.contains(tensor.name)) out.insert(tensor.name);
  return out;
}

std::vector<std::string> tuner::programsBefore(const std::string &program) {
  if (program == "backward") return {"forward"};
  if (program == "tangent_backward") return {"tangent_forward"};
  return {};
}

/// Outputs that the launches of a program's variants name, read or written.
static std::set<std::string> namedOutputs(const KernelBundle &bundle, const std::string &program) {
  std::set<std::string> out;
  for (const KernelVariant &variant : bundle.variants)
    if (variant.program == program)
      for (const std::string &name : tensorsOf(bundle, variant))
        for (const TensorDeclaration &tensor : bundle.tensors)
          if (tensor.name == name && tensor.is_output) out.insert(name);
  return out;
}

std::set<std::string> tuner::outputsOf(const KernelBundle &bundle, const std::string &program) {
  std::set<std::string> out = namedOutputs(bundle, program);
  for (const std::string &before : programsBefore(program))
    for (const std::string &name : namedOutputs(bundle, before)) out.erase(name);
  return out;
}
