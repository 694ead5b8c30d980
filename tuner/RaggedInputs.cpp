#include "tuner/RaggedInputs.h"

#include <cmath>
#include <limits>

using namespace jvpgen;
using namespace jvpgen::tuner;

/// The second sequence has two thirds of the queries and three fifths of the keys.
static int64_t lengthOf(bool isQuery, int64_t longest, int64_t sequence) {
  if (sequence == 0) return longest;
  return isQuery ? (2 * longest + 2) / 3 : (3 * longest + 4) / 5;
}

Problem tuner::raggedProblem(const KernelBundle &bundle, const Problem &longest) {
  Problem out = longest;
  out.batch = 2;
  out.q_total = out.q_length, out.kv_total = out.kv_length;
  if (bundle.layout == "packed")
    out.q_total += lengthOf(true, out.q_length, 1), out.kv_total += lengthOf(false, out.kv_length, 1);
  return out;
}

static bool isQuery(const TensorDeclaration &tensor) { return tensor.name.starts_with("q_"); }

/// q_lengths, kv_lengths, q_offsets, kv_offsets; nothing for others.
static std::vector<double> lengths(const TensorDeclaration &tensor, const Problem &ragged) {
  const int64_t longest = isQuery(tensor) ? ragged.q_length : ragged.kv_length;
  const double first = double(longest), second = double(lengthOf(isQuery(tensor), longest, 1));
  if (tensor.name.ends_with("_lengths") && tensor.indices == "b") return {first, second};
  if (tensor.name.ends_with("_offsets") && tensor.indices == "b") return {0, first, first + second};
  return {};
}

/// All bits set: NaN, or -1.
static void poisonPadding(const KernelBundle &bundle, const TensorDeclaration &tensor, const Problem &ragged,
                          std::vector<unsigned char> &bytes) {
  if (tensor.indices.empty() || tensor.indices.front() != 'b') return;
  const std::vector<int64_t> extents = extentsOf(bundle, tensor, ragged);
  const size_t size = byteSize(tensor.dtype);
  for (size_t k = 0; k < bytes.size() / size; ++k) {
    int64_t rest = int64_t(k), i = 0, j = 0;
    for (size_t axis = extents.size(); axis-- > 1; rest /= extents[axis]) {
      if (tensor.indices[axis] == 'i') i = rest % extents[axis];
      if (tensor.indices[axis] == 'j') j = rest % extents[axis];
    }
    if (i >= lengthOf(true, ragged.q_length, rest) || j >= lengthOf(false, ragged.kv_length, rest))
      std::fill_n(bytes.begin() + ptrdiff_t(k * size), size, 0xff);
  }
}

TensorBytes tuner::raggedInputs(const KernelBundle &bundle, const Problem &ragged, uint64_t seed) {
  TensorBytes out;
  for (const TensorDeclaration &tensor : bundle.tensors) {
    if (tensor.is_output) continue;
    const std::vector<double> given = lengths(tensor, ragged);
    std::vector<unsigned char> bytes = given.empty()
                                           ? inputBytes(tensor, layoutOf(bundle, tensor, ragged), ragged, seed)
                                           : encoded(given, tensor.dtype);
    if (bundle.layout == "padded" && given.empty()) poisonPadding(bundle, tensor, ragged, bytes);
    out.emplace(tensor.name, std::move(bytes));
  }
  return out;
}
