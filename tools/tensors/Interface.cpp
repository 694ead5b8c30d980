// Extents of tensors, and their unification into a problem.
#include "tools/tensors/Interface.h"

#include <algorithm>
#include <optional>

using namespace jvpgen;

const NamedInput *jvpgen::namedInputOf(const AttentionSpec &spec, std::string_view tensor) {
  for (std::string_view prefix : {"", "t", "d", "dt"})
    if (tensor.starts_with(prefix))
      if (const NamedInput *input = spec.input(tensor.substr(prefix.size()))) return input;
  return nullptr;
}

DType jvpgen::typeOf(const AttentionSpec &spec, std::string_view tensor) {
  return tensor.ends_with("_lengths") || tensor.ends_with("_offsets") ? DType::I32 : dtypeOf(spec, tensor);
}

std::vector<Extent> jvpgen::extentsOf(const AttentionSpec &spec, std::string_view tensor) {
  if (tensor == "q_lengths" || tensor == "kv_lengths") return {Extent::Batch};
  if (tensor == "q_offsets" || tensor == "kv_offsets") return {Extent::BatchPlusOne};
  const NamedInput *input = namedInputOf(spec, tensor);
  std::string indices = input ? input->indices : indicesOf(spec, tensor);
  auto has = [&](char index) { return indices.find(index) != std::string::npos; };
  auto where = [&](char index, Extent extent) { return has(index) ? extent : Extent::One; };
  bool packed = spec.layout == Layout::Packed && (has('i') || has('j')) && !isPerSequence(spec, tensor);
  Extent batch = packed ? Extent::One : where('b', Extent::Batch);
  Extent heads = has('r') ? Extent::Heads : where('n', Extent::KvHeads);
  Extent queries = packed ? Extent::QueryTotal : Extent::QueryRows, keys = packed ? Extent::KeyTotal : Extent::KeyRows;
  Extent row = has('i') ? queries : keys;
  if (!input) {
    std::vector<Extent> out = {batch, heads, row};
    if (has('d')) out.push_back(Extent::HeadDimQk);
    if (has('e')) out.push_back(Extent::HeadDimV);
    return out;
  }
  switch (input->kind) {
  case NamedInput::Kind::Scalar:
  case NamedInput::Kind::IntScalar: return {};
  case NamedInput::Kind::HeadVector: return {Extent::Heads};
  case NamedInput::Kind::IntVector: return packed ? std::vector{row} : std::vector{Extent::Batch, row};
  case NamedInput::Kind::Bias:
  case NamedInput::Kind::Mask: return {batch, heads, where('i', queries), where('j', keys)};
  }
  return {};
}

/// A dimension's name for messages.
static std::string extentName(const AttentionSpec &spec, Extent extent) {
  switch (extent) {
  case Extent::One: return "1";
  case Extent::Batch: return "batch";
  case Extent::BatchPlusOne: return "batch + 1";
  case Extent::Heads: return "heads";
  case Extent::KvHeads: return "kv_heads";
  case Extent::QueryRows: return "q_length";
  case Extent::KeyRows: return "kv_length";
  case Extent::QueryTotal: return "q_total";
  case Extent::KeyTotal: return "kv_total";
  case Extent::HeadDimQk: return std::to_string(spec.head_dim_qk);
  case Extent::HeadDimV: return std::to_string(spec.head_dim_v);
  }
  return "";
}

static int64_t sizeOf(const AttentionSpec &spec, const Problem &problem, Extent extent) {
  switch (extent) {
  case Extent::One: return 1;
  case Extent::Batch: return problem.batch;
  case Extent::BatchPlusOne: return problem.batch + 1;
  case Extent::Heads: return problem.heads;
  case Extent::KvHeads: return problem.kv_heads;
  case Extent::QueryRows: return problem.q_length;
  case Extent::KeyRows: return problem.kv_length;
  case Extent::QueryTotal: return problem.q_total;
  case Extent::KeyTotal: return problem.kv_total;
  case Extent::HeadDimQk: return spec.head_dim_qk;
  case Extent::HeadDimV: return spec.head_dim_v;
  }
  return 0;
}

std::vector<int64_t> jvpgen::shapeOf(const AttentionSpec &spec, const Problem &problem, std::string_view tensor) {
  std::vector<int64_t> out;
  for (Extent extent : extentsOf(spec, tensor)) out.push_back(sizeOf(spec, problem, extent));
  return out;
}

namespace {

/// Sizes that tensors have stated so far, and by whom.
class Unifier {
public:
  Unifier(const AttentionSpec &spec, const TensorSet &tensors) : spec(spec), tensors(tensors) {}

  Result<void> add(const std::string &name) {
    auto found = tensors.find(name);
    if (found == tensors.end())
      return fail(ErrorKind::Invalid, "tensor '" + name + "' is missing; it must have type " + typeText(name) +
                                          " and shape " + expected(name));
    const HostTensor &tensor = found->second;
    if (tensor.dtype != typeOf(spec, name))
      return fail(ErrorKind::Invalid, "tensor '" + name + "' has type " + std::string(jvpgen::name(tensor.dtype)) +
                                          "; " + typeText(name) +
                                          " is expected; convert it or change the specification");
    std::vector<Extent> extents = extentsOf(spec, name);
    if (extents.empty() && tensor.shape == std::vector<int64_t>{1}) return {};
    bool fits = tensor.shape.size() == extents.size();
    for (size_t k = 0; fits && k < extents.size(); ++k) fits = state(extents[k], tensor.shape[k], name);
    if (fits) return {};
    return fail(ErrorKind::Invalid, "tensor '" + name + "' has shape " + shapeText(tensor.shape) + "; " +
                                        expected(name) + " is expected" + reasons(extents));
  }

  std::optional<int64_t> size(Extent extent) const {
    return known[size_t(extent)].stated ? std::optional(known[size_t(extent)].size) : std::nullopt;
  }

private:
  struct Known {
    bool stated = false;
    int64_t size = 0;
    std::string by;
  };
  const AttentionSpec &spec;
  const TensorSet &tensors;
  Known known[size_t(Extent::HeadDimV) + 1];

  std::string typeText(const std::string &tensor) const { return std::string(jvpgen::name(typeOf(spec, tensor))); }

  /// Is this size possible for the extent? Query heads and key heads, batch and batch + 1 determine each other.
  bool state(Extent extent, int64_t size, const std::string &by) {
    auto also = [&](Extent other, int64_t otherSize) {
      Known &k = known[size_t(other)];
      if (!k.stated) k = {true, otherSize, by};
      return k.size == otherSize;
    };
    switch (extent) {
    case Extent::One: return size == 1;
    case Extent::HeadDimQk: return size == spec.head_dim_qk;
    case Extent::HeadDimV: return size == spec.head_dim_v;
    case Extent::Heads:
      return size % spec.group == 0 && also(Extent::Heads, size) && also(Extent::KvHeads, size / spec.group);
    case Extent::KvHeads: return also(Extent::KvHeads, size) && also(Extent::Heads, size * spec.group);
    case Extent::Batch: return also(Extent::Batch, size) && also(Extent::BatchPlusOne, size + 1);
    case Extent::BatchPlusOne: return size > 0 && also(Extent::BatchPlusOne, size) && also(Extent::Batch, size - 1);
    default: return also(extent, size);
    }
  }

  std::string expected(const std::string &name) const {
    std::string out;
    for (Extent extent : extentsOf(spec, name)) out += (out.empty() ? "" : ", ") + extentName(spec, extent);
    return "[" + out + "]";
  }

  std::string reasons(const std::vector<Extent> &extents) const {
    std::string out;
    for (Extent extent : extents)
      if (const Known &k = known[size_t(extent)]; k.stated)
        out += (out.empty() ? " with " : ", ") + extentName(spec, extent) + " = " + std::to_string(k.size) +
               " (from '" + k.by + "')";
    bool heads = !size(Extent::Heads) && std::find(extents.begin(), extents.end(), Extent::Heads) != extents.end();
    return out + (heads && spec.group > 1 ? "; heads must be a multiple of group = " + std::to_string(spec.group) : "");
  }
};

} // namespace

/// Lengths lie in [0, rows]; returns the longest.
static Result<int64_t> checkLengths(const HostTensor &lengths, int64_t rows) {
  for (int64_t b = 0; b < lengths.elements(); ++b)
    if (lengths.get(b) < 0 || lengths.get(b) > double(rows))
      return fail(ErrorKind::Invalid, "tensor '" + lengths.name + "' holds " + std::to_string(int64_t(lengths.get(b))) +
                                          " for sequence " + std::to_string(b) + "; lengths from 0 to " +
                                          std::to_string(rows) + " are possible");
  return rows;
}

/// Offsets rise from 0 to the number of rows; returns the longest sequence.
static Result<int64_t> checkOffsets(const HostTensor &offsets, int64_t rows) {
  int64_t longest = 0, last = offsets.elements() - 1;
  for (int64_t b = 0; b < last; ++b) longest = std::max(longest, int64_t(offsets.get(b + 1) - offsets.get(b)));
  bool rising = true;
  for (int64_t b = 0; b < last; ++b) rising &= offsets.get(b) <= offsets.get(b + 1);
  if (!rising || offsets.get(0) != 0 || offsets.get(last) != double(rows))
    return fail(ErrorKind::Invalid,
                "tensor '" + offsets.name + "' must rise from 0 to " + std::to_string(rows) +
                    ", the rows of the packed tensors; give where each sequence starts, and the end of the last");
  return longest;
}

Result<Problem> jvpgen::deduceProblem(const AttentionSpec &spec, const TensorSet &tensors,
                                      std::span<const std::string> names) {
  Unifier unifier(spec, tensors);
  for (const std::string &name : names)
    if (Result<void> ok = unifier.add(name); !ok) return tl::unexpected(ok.error());
  const bool packed = spec.layout == Layout::Packed;
  const Extent queries = packed ? Extent::QueryTotal : Extent::QueryRows,
               keys = packed ? Extent::KeyTotal : Extent::KeyRows;
  for (Extent extent : {Extent::Batch, Extent::Heads, queries, keys})
    if (!unifier.size(extent))
      return fail(ErrorKind::Invalid, "no tensor tells the size of " + extentName(spec, extent) + "; give q and k");
  Problem out;
  out.batch = *unifier.size(Extent::Batch);
  out.heads = *unifier.size(Extent::Heads);
  out.kv_heads = *unifier.size(Extent::KvHeads);
  out.q_total = out.q_length = *unifier.size(queries);
  out.kv_total = out.kv_length = *unifier.size(keys);
  for (const std::string &name : names) {
    bool query = name.starts_with("q_");
    int64_t rows = query ? out.q_total : out.kv_total;
    bool offsets = name == "q_offsets" || name == "kv_offsets", lengths = name == "q_lengths" || name == "kv_lengths";
    if (!offsets && !lengths) continue;
    const HostTensor &tensor = tensors.find(name)->second;
    Result<int64_t> longest = offsets ? checkOffsets(tensor, rows) : checkLengths(tensor, rows);
    if (!longest) return tl::unexpected(longest.error());
    (query ? out.q_length : out.kv_length) = *longest;
    const Extent rowsOfBias = query ? Extent::QueryRows : Extent::KeyRows;
    if (packed && unifier.size(rowsOfBias).value_or(*longest) != *longest)
      return fail(ErrorKind::Invalid, "bias or mask has " + extentName(spec, rowsOfBias) + " = " +
                                          std::to_string(*unifier.size(rowsOfBias)) + "; '" + name +
                                          "' says that the longest sequence has " + std::to_string(*longest) +
                                          "; they count inside each sequence and must have that length");
  }
  return out;
}

TensorView jvpgen::viewOf(const AttentionSpec &spec, const HostTensor &tensor, void *data) {
  TensorView out{data ? data : const_cast<unsigned char *>(tensor.bytes.data()), tensor.dtype, {0, 0, 0, 0}};
  std::vector<Extent> extents = extentsOf(spec, tensor.name);
  int64_t stride = 1;
  for (size_t k = extents.size(); k-- > 0;) {
    switch (extents[k]) {
    case Extent::Batch:
    case Extent::BatchPlusOne: out.stride[0] = stride; break;
    case Extent::Heads:
    case Extent::KvHeads: out.stride[1] = stride; break;
    case Extent::QueryRows:
    case Extent::QueryTotal: out.stride[2] = stride; break;
    case Extent::KeyRows:
    case Extent::KeyTotal: out.stride[3] = stride; break;
    default: break;
    }
    stride *= tensor.shape[k];
  }
  return out;
}

TensorMap jvpgen::viewsOf(const AttentionSpec &spec, TensorSet &tensors) {
  TensorMap out;
  for (auto &[name, tensor] : tensors) out.emplace(name, viewOf(spec, tensor, tensor.bytes.data()));
  return out;
}

TensorSet jvpgen::poisonedOutputs(const AttentionSpec &spec, const Problem &problem, std::string_view program) {
  TensorSet out;
  for (const std::string &name : outputsOf(spec, program)) {
    HostTensor tensor(name, typeOf(spec, name), shapeOf(spec, problem, name));
    std::fill(tensor.bytes.begin(), tensor.bytes.end(), 0xff); // all bits set is NaN in every float format
    out.emplace(name, std::move(tensor));
  }
  return out;
}
