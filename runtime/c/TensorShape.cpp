// Axes to dimensions, dimensions to strides.
#include "runtime/c/TensorShape.h"

using namespace jvpgen;

Problem jvpgen::problemOf(const jvpgen_problem &given) {
  return {.batch = given.batch,
          .heads = given.heads,
          .kv_heads = given.kv_heads ? given.kv_heads : given.heads,
          .q_length = given.q_length,
          .kv_length = given.kv_length,
          .q_total = given.q_total ? given.q_total : given.q_length,
          .kv_total = given.kv_total ? given.kv_total : given.kv_length};
}

TensorShape::TensorShape(const KernelBundle &bundle, const TensorDeclaration &tensor)
    : name(tensor.name), head_dim_qk(bundle.head_dim_qk), head_dim_v(bundle.head_dim_v) {
  auto has = [&](char index) { return tensor.indices.find(index) != std::string::npos; };
  is_packed = bundle.layout == "packed" && (has('i') || has('j')) && !tensor.per_sequence;
  const bool is_offsets = bundle.layout == "packed" && (name == "q_offsets" || name == "kv_offsets");
  if (has('b') && !is_packed) letters += is_offsets ? 'o' : 'b';
  if (has('n') || has('r')) letters += has('r') ? 'h' : 'n';
  for (char axis : {'i', 'j', 'd', 'e'})
    if (has(axis)) letters += axis;
}

int64_t TensorShape::extent(char axis, const Problem &problem) const {
  switch (axis) {
  case 'b': return problem.batch;
  case 'o': return problem.batch + 1;
  case 'h': return problem.heads;
  case 'n': return problem.kv_heads;
  case 'i': return is_packed ? problem.q_total : problem.q_length;
  case 'j': return is_packed ? problem.kv_total : problem.kv_length;
  case 'd': return head_dim_qk;
  default: return head_dim_v;
  }
}

std::string TensorShape::shapeText(const Problem &problem) const {
  std::string out;
  for (char axis : letters) out += (out.empty() ? "" : ", ") + std::to_string(extent(axis, problem));
  return "[" + out + "]";
}

bool TensorShape::match(const jvpgen_tensor &tensor, const Problem &problem, int (&dimension)[5]) const {
  const int axes = int(letters.size()), spare = tensor.rank - axes;
  auto fits = [&](int axis, int place) {
    dimension[axis] = place;
    return tensor.shape[place] == extent(letters[size_t(axis)], problem);
  };
  bool matches = spare >= 0; // the axes, behind dimensions of extent 1
  for (int k = 0; matches && k < spare; ++k) matches = tensor.shape[k] == 1;
  for (int k = 0; matches && k < axes; ++k) matches = fits(k, spare + k);
  if (matches || tensor.rank != 4 || letters.find_first_of("deo") != std::string::npos) return matches;
  int next = 0; // b, h, i, j, with 1 for what the tensor lacks
  for (int place = 0; place < 4; ++place) {
    const char axis = next < axes ? letters[size_t(next)] : ' ';
    const bool is_here = axis == "bhij"[place] || (axis == 'n' && place == 1);
    if (is_here ? !fits(next++, place) : tensor.shape[place] != 1) return false;
  }
  return next == axes;
}

Result<TensorView> TensorShape::view(const jvpgen_tensor &tensor, const Problem &problem) const {
  auto refuse = [&](const std::string &obstacle, const std::string &remedy) {
    return fail(ErrorKind::Invalid, "the tensor '" + name + "' " + obstacle + "; " + remedy);
  };
  constexpr int kMostRank = 16;
  if (tensor.rank < 0 || tensor.rank > kMostRank || (tensor.rank && !tensor.shape))
    return refuse("has rank " + std::to_string(tensor.rank) + " and " + (tensor.shape ? "a" : "no") + " shape",
                  "give the extent of each dimension");
  if (tensor.dtype < JVPGEN_F32 || tensor.dtype > JVPGEN_I8)
    return refuse("has type " + std::to_string(tensor.dtype), "give one of jvpgen_dtype");
  int dimension[5];
  if (!match(tensor, problem, dimension)) {
    std::string given;
    for (int k = 0; k < tensor.rank; ++k) given += (k ? ", " : "") + std::to_string(tensor.shape[k]);
    return refuse("has the shape [" + given + "], and the problem wants " + shapeText(problem) + " (" + letters + ")",
                  "give another tensor, or another problem");
  }
  int64_t strides[kMostRank], next = 1;
  for (int k = tensor.rank; k-- > 0; next *= tensor.shape[k]) strides[k] = tensor.strides ? tensor.strides[k] : next;
  TensorView out;
  out.data = tensor.data;
  out.dtype = static_cast<DType>(tensor.dtype);
  for (size_t k = 0; k < letters.size(); ++k) {
    const int64_t stride = strides[dimension[k]];
    switch (letters[k]) {
    case 'b':
    case 'o': out.stride[0] = stride; break;
    case 'h':
    case 'n': out.stride[1] = stride; break;
    case 'i': out.stride[2] = stride; break;
    case 'j': out.stride[3] = stride; break;
    default:
      if (stride != 1 && tensor.shape[dimension[k]] > 1)
        return refuse("has features that are " + std::to_string(stride) + " elements apart",
                      "they have to be contiguous: copy it");
    }
  }
  return out;
}
