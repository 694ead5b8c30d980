// Indices to extents, extents to strides, names to places.
#include "runtime/launch/LaunchArguments.h"

#include <charconv>
#include <limits>

using namespace jvpgen;

static constexpr size_t kWorkspaceAlignment = 256;

static int64_t rowsPerBlock(const Launch &launch) {
  if (launch.rows_per_block == "tile_m") return launch.schedule.tile_m;
  if (launch.rows_per_block == "tile_n") return launch.schedule.tile_n;
  int64_t rows = 0;
  const std::string &text = launch.rows_per_block;
  std::from_chars(text.data(), text.data() + text.size(), rows);
  return rows;
}

static int64_t indexOf(const std::vector<TensorDeclaration> &list, const std::string &name) {
  for (size_t k = 0; k < list.size(); ++k)
    if (list[k].name == name) return int64_t(k);
  return -1;
}

Result<LaunchArguments> LaunchArguments::create(const KernelBundle &bundle, const KernelVariant &variant) {
  LaunchArguments out;
  out.head_dim_qk = bundle.head_dim_qk;
  out.head_dim_v = bundle.head_dim_v;
  out.packed = bundle.layout == "packed";
  out.bundle_name = bundle.name;
  out.program = variant.program;
  out.tensors = bundle.tensors;
  out.used.resize(bundle.tensors.size());
  out.buffers = variant.workspace;
  auto damaged = [&](const Launch &launch, const std::string &reason) {
    return fail(ErrorKind::Invalid, "the kernel '" + launch.kernel + "' of the bundle '" + bundle.name +
                                        "' cannot be launched: " + reason + "; emit the bundle again");
  };
  for (const Launch &launch : variant.launches) {
    Call call;
    call.owners = launch.owners;
    call.schedule = launch.schedule;
    call.rows_per_block = rowsPerBlock(launch);
    if (call.rows_per_block < 1) return damaged(launch, "it has '" + launch.rows_per_block + "' rows per block");
    if (mapsOffset(launch.tensors.size()) + launch.maps.size() * sizeof(TensorMapBytes) > sizeof(KernelParameter))
      return damaged(launch, "it takes " + std::to_string(launch.tensors.size()) + " tensors and " +
                                 std::to_string(launch.maps.size()) + " maps, and a parameter has 4 KiB");
    for (const std::string &name : launch.tensors) {
      int64_t buffer = indexOf(out.buffers, name), tensor = indexOf(out.tensors, name);
      if (buffer < 0 && tensor < 0) return damaged(launch, "its tensor '" + name + "' is not declared");
      call.arguments.push_back({buffer >= 0, size_t(buffer >= 0 ? buffer : tensor)});
      if (buffer < 0) out.used[size_t(tensor)] = true;
    }
    for (const TensorMapDeclaration &map : launch.maps) {
      const int64_t tensor = indexOf(out.tensors, map.tensor);
      if (tensor < 0) return damaged(launch, "its tensor '" + map.tensor + "' is not declared");
      call.maps.push_back({map, size_t(tensor)});
      out.used[size_t(tensor)] = true;
    }
    out.calls.push_back(std::move(call));
  }
  return out;
}

std::vector<const TensorDeclaration *> LaunchArguments::usedTensors() const {
  std::vector<const TensorDeclaration *> out;
  for (size_t k = 0; k < tensors.size(); ++k)
    if (used[k]) out.push_back(&tensors[k]);
  return out;
}

int64_t LaunchArguments::extent(char index, const Problem &problem) const {
  switch (index) {
  case 'b': return problem.batch;
  case 'n': return problem.kv_heads;
  case 'r': return problem.group();
  case 'i': return problem.q_length;
  case 'j': return problem.kv_length;
  case 'd': return head_dim_qk;
  default: return head_dim_v;
  }
}

int64_t LaunchArguments::extent(const TensorDeclaration &tensor, char index, const Problem &problem) const {
  const int64_t step = index == 'i' ? tensor.query_step : index == 'j' ? tensor.key_step : 1;
  return (extent(index, problem) + step - 1) / step;
}

int64_t LaunchArguments::elements(const TensorDeclaration &tensor, const Problem &problem) const {
  int64_t count = 1;
  for (char index : tensor.indices) count *= extent(tensor, index, problem);
  return count;
}

size_t LaunchArguments::paddedBytes(const TensorDeclaration &buffer, const Problem &problem) const {
  size_t bytes = size_t(elements(buffer, problem)) * byteSize(buffer.dtype);
  return (bytes + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment;
}

size_t LaunchArguments::workspaceBytes(const Problem &problem) const {
  size_t bytes = 0;
  for (const TensorDeclaration &buffer : buffers) bytes += paddedBytes(buffer, problem);
  return bytes;
}

int64_t LaunchArguments::blocks(size_t launch, const Problem &problem) const {
  const Call &call = calls[launch];
  size_t blocked = call.owners.find_last_of("ij");
  int64_t count = 1;
  for (size_t k = 0; k < call.owners.size(); ++k) {
    int64_t length = extent(call.owners[k], problem);
    count *= k == blocked ? (length + call.rows_per_block - 1) / call.rows_per_block : length;
  }
  return count;
}

// ---- checks
// ------------------------------------------------------------------------------------------------------------

static Result<void> checkShape(const Problem &problem) {
  auto refuse = [](const std::string &what, const std::string &remedy) {
    return fail(ErrorKind::Invalid, "a launch was asked for " + what + "; " + remedy);
  };
  if (problem.batch < 0 || problem.q_length < 0 || problem.kv_length < 0)
    return refuse("a negative batch or length", "give sizes of 0 or more");
  if (problem.heads < 1 || problem.kv_heads < 1 || problem.heads % problem.kv_heads)
    return refuse(std::to_string(problem.heads) + " query heads over " + std::to_string(problem.kv_heads) +
                      " key heads",
                  "the first has to be a positive multiple of the second");
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (problem.batch > kMost || problem.heads > kMost || problem.q_length > kMost || problem.kv_length > kMost)
    return refuse("a size beyond 2^31 - 1", "split the problem");
  return {};
}

/// Where a tensor's strides stand for each of its indices; heads are n and r together.
static int strideSlot(char index) { return index == 'b' ? 0 : index == 'n' || index == 'r' ? 1 : index == 'i' ? 2 : 3; }

Result<void> LaunchArguments::checkTensor(const TensorDeclaration &declared, const Problem &problem,
                                          const TensorMap &given) const {
  auto refuse = [&](ErrorKind kind, const std::string &obstacle, const std::string &remedy) {
    return fail(kind, "launching " + program + " of '" + bundle_name + "' needs the tensor '" + declared.name +
                          "': " + obstacle + "; " + remedy);
  };
  auto found = given.find(declared.name);
  if (found == given.end())
    return refuse(ErrorKind::Invalid, "it is missing",
                  declared.is_output ? "give memory for it" : "give it, or leave it out of the specification");
  const TensorView &view = found->second;
  if (view.dtype != declared.dtype)
    return refuse(ErrorKind::Invalid,
                  "it is " + std::string(name(view.dtype)) + ", not " + std::string(name(declared.dtype)),
                  "convert it, or change the specification's dtype");
  if (elements(declared, problem) == 0) return {};
  if (!view.data) return refuse(ErrorKind::Invalid, "its address is null", "give memory for all of its elements");

  if (reinterpret_cast<uintptr_t>(view.data) % byteSize(view.dtype))
    return refuse(ErrorKind::Invalid,
                  "its address is no multiple of its " + std::to_string(byteSize(view.dtype)) + "-byte elements",
                  "copy it to aligned memory");
  for (char index : declared.indices) {
    bool feature = index == 'd' || index == 'e',
         sequence = packed && index == 'b' && !declared.per_sequence; // packed: offsets take the place of a stride
    if (feature || sequence || !declared.is_output || extent(index, problem) <= 1) continue;
    if (view.stride[strideSlot(index)] == 0)
      return refuse(ErrorKind::Invalid, std::string("it is written to, and its stride along '") + index + "' is 0",
                    "give each element a place of its own");
  }
  return {};
}

int64_t LaunchArguments::features(const TensorDeclaration &tensor) const {
  return tensor.indices.find('d') != std::string::npos ? head_dim_qk : head_dim_v;
}

TensorMapFacts LaunchArguments::map(size_t launch, size_t index, const Problem &problem, const TensorMap &given) const {
  const Map &map = calls[launch].maps[index];
  const TensorDeclaration &tensor = tensors[map.tensor];
  return describeMap(map.declaration, calls[launch].schedule, tensor, given.find(tensor.name)->second, problem,
                     features(tensor), packed);
}

Result<void> LaunchArguments::checkMaps(const Problem &problem, const TensorMap &given) const {
  for (size_t k = 0; k < calls.size(); ++k)
    for (size_t m = 0; m < calls[k].maps.size(); ++m) {
      const TensorMapFacts facts = map(k, m, problem, given);
      if (facts.isEmpty()) continue;
      Result<void> ok = checkMap(facts, "launching " + program + " of '" + bundle_name + "' needs the tensor '" +
                                            calls[k].maps[m].declaration.tensor + "'");
      if (!ok) return ok;
    }
  return {};
}

Result<void> LaunchArguments::check(const Problem &problem, const TensorMap &given, const void *workspace) const {
  if (Result<void> ok = checkShape(problem); !ok) return ok;
  for (size_t k = 0; k < tensors.size(); ++k)
    if (used[k])
      if (Result<void> ok = checkTensor(tensors[k], problem, given); !ok) return ok;
  if (Result<void> ok = checkMaps(problem, given); !ok) return ok;
  size_t bytes = workspaceBytes(problem);
  if (bytes && (!workspace || reinterpret_cast<uintptr_t>(workspace) % kWorkspaceAlignment))
    return fail(ErrorKind::Invalid,
                "launching " + program + " of '" + bundle_name + "' needs a workspace of " + std::to_string(bytes) +
                    " bytes at a multiple of " + std::to_string(kWorkspaceAlignment) +
                    (workspace ? ": its address is none" : ": it is null") + "; allocate workspaceBytes(problem)");
  for (size_t k = 0; k < calls.size(); ++k)
    if (blocks(k, problem) > std::numeric_limits<int32_t>::max())
      return fail(ErrorKind::Unsupported, "launching " + program + " of '" + bundle_name + "' needs " +
                                              std::to_string(blocks(k, problem)) +
                                              " blocks, and a grid has at most 2^31 - 1; split the batch");
  return {};
}

// ---- packing
// -----------------------------------------------------------------------------------------------------------

void LaunchArguments::pack(size_t launch, const Problem &problem, const TensorMap &given, void *workspace,
                           KernelParameter &out) const {
  out.problem = problem;
  size_t next = 0;
  for (const Argument &argument : calls[launch].arguments) {
    TensorParameter &parameter = out.tensors[next++];
    parameter = {};
    if (!argument.in_workspace) {
      const TensorView &view = given.find(tensors[argument.index].name)->second;
      parameter.data = view.data;
      for (int axis = 0; axis < 4; ++axis) parameter.stride[axis] = view.stride[axis];
      continue;
    }
    size_t offset = 0;
    for (size_t k = 0; k < argument.index; ++k) offset += paddedBytes(buffers[k], problem);
    parameter.data = static_cast<std::byte *>(workspace) + offset;
    // Contiguous: the stride of an index is the product of the extents behind it. Of n and r the inner one is the
    // heads' stride.
    const TensorDeclaration &buffer = buffers[argument.index];
    const std::string &indices = buffer.indices;
    int64_t stride = 1;
    for (size_t k = indices.size(); k-- > 0; stride *= extent(buffer, indices[k], problem)) {
      if (indices[k] == 'd' || indices[k] == 'e') continue;
      int64_t &slot = parameter.stride[strideSlot(indices[k])];
      bool inner = !(indices[k] == 'n' && k + 1 < indices.size() && indices[k + 1] == 'r');
      if (inner) slot = stride;
    }
  }
}
