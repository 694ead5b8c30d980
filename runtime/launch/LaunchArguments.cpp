// Indices to extents, extents to strides, names to places.
#include "runtime/launch/LaunchArguments.h"

#include <algorithm>
#include <charconv>
#include <limits>

using namespace jvpgen;

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

static bool uses(const KernelVariant &variant, const std::string &tensor) {
  for (const Launch &launch : variant.launches) {
    for (const std::string &name : launch.tensors)
      if (name == tensor) return true;
    for (const TensorMapDeclaration &map : launch.maps)
      if (map.tensor == tensor) return true;
  }
  return false;
}

/// All variants of a program take the same tensors, whichever of them a variant reads.
static std::vector<TensorDeclaration> signatureOf(const KernelBundle &bundle, const KernelVariant &variant) {
  std::vector<TensorDeclaration> out;
  for (const TensorDeclaration &tensor : bundle.tensors) {
    bool used = uses(variant, tensor.name);
    for (const KernelVariant &other : bundle.variants)
      used = used || (other.program == variant.program && uses(other, tensor.name));
    if (used) out.push_back(tensor);
  }
  return out;
}

Result<LaunchArguments> LaunchArguments::create(const KernelBundle &bundle, const KernelVariant &variant,
                                                int multiprocessors) {
  LaunchArguments out;
  out.head_dim_qk = bundle.head_dim_qk;
  out.head_dim_v = bundle.head_dim_v;
  out.multiprocessors = multiprocessors;
  out.packed = bundle.layout == "packed";
  out.bundle_name = bundle.name;
  out.program = variant.program;
  out.tensors = signatureOf(bundle, variant);
  out.used.resize(out.tensors.size());
  out.buffers = variant.workspace;
  auto damaged = [&](const Launch &launch, const std::string &reason) {
    return fail(ErrorKind::Invalid, "the kernel '" + launch.kernel + "' of the bundle '" + bundle.name +
                                        "' cannot be launched: " + reason + "; emit the bundle again");
  };
  if (out.tensors.size() > kMostTensors)
    return fail(ErrorKind::Invalid, "the program " + variant.program + " of the bundle '" + bundle.name + "' takes " +
                                        std::to_string(out.tensors.size()) + " tensors, and a launch at most " +
                                        std::to_string(kMostTensors) + "; emit the bundle again");
  for (const Launch &launch : variant.launches) {
    Call call;
    call.owners = launch.owners;
    call.schedule = launch.schedule;
    call.rows_per_block = rowsPerBlock(launch);
    call.walks = launch.walks;
    call.joins = launch.joins;
    call.partial_numbers = launch.partial_numbers;
    if (call.rows_per_block < 1) return damaged(launch, "it has '" + launch.rows_per_block + "' rows per block");
    if (mapsOffset(launch.tensors.size() + (launch.partial_numbers != 0)) +
            launch.maps.size() * sizeof(TensorMapBytes) >
        sizeof(KernelParameter))
      return damaged(launch, "it takes " + std::to_string(launch.tensors.size()) + " tensors and " +
                                 std::to_string(launch.maps.size()) + " maps, and a parameter has 4 KiB");
    for (const std::string &name : launch.tensors) {
      int64_t buffer = indexOf(out.buffers, name), tensor = indexOf(out.tensors, name);
      if (buffer < 0 && tensor < 0) return damaged(launch, "its tensor '" + name + "' is not declared");
      call.arguments.push_back(
          {buffer >= 0 ? Argument::Buffer : Argument::Tensor, size_t(buffer >= 0 ? buffer : tensor)});
      if (buffer < 0) out.used[size_t(tensor)] = true;
      if (buffer >= 0 && name == launch.counter) call.counter = int64_t(call.arguments.size()) - 1;
    }
    if (!launch.counter.empty() && call.counter < 0)
      return damaged(launch, "its counter '" + launch.counter + "' is no buffer that it takes");
    if (launch.partial_numbers) call.arguments.push_back({Argument::Division, 0});
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

int64_t LaunchArguments::tensorAt(size_t launch, size_t place) const {
  const Argument &argument = calls[launch].arguments[place];
  return argument.kind == Argument::Tensor ? int64_t(argument.index) : -1;
}

size_t LaunchArguments::parameterBytes(size_t launch) const {
  return mapsOffset(tensorCount(launch)) + mapCount(launch) * sizeof(TensorMapBytes);
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

size_t LaunchArguments::buffersBytes(const Problem &problem) const {
  size_t bytes = 0;
  for (const TensorDeclaration &buffer : buffers) bytes += paddedBytes(buffer, problem);
  return bytes;
}

/// What a divided launch leaves has been joined before the next launch begins: all parts lie in the same place.
size_t LaunchArguments::workspaceBytes(const Problem &problem) const {
  size_t parts = 0;
  for (size_t k = 0; k < calls.size(); ++k) parts = std::max(parts, partsBytes(k, problem));
  return buffersBytes(problem) + parts;
}

int64_t LaunchArguments::ownedBlocks(const Call &call, const Problem &problem) const {
  size_t blocked = call.owners.find_last_of("ij");
  int64_t count = 1;
  for (size_t k = 0; k < call.owners.size(); ++k) {
    int64_t length = extent(call.owners[k], problem);
    count *= k == blocked ? (length + call.rows_per_block - 1) / call.rows_per_block : length;
  }
  return count;
}

Division LaunchArguments::division(size_t launch, const Problem &problem) const {
  const Call &call = calls[launch];
  if (call.joins) return division(launch - 1, problem);
  const int64_t blocks = ownedBlocks(call, problem);
  if (!call.partial_numbers) return {blocks, 1};
  const int64_t tiles = (problem.kv_length + call.schedule.tile_n - 1) / call.schedule.tile_n;
  return divide({blocks, tiles, multiprocessors, call.walks}, call.schedule.splits);
}

size_t LaunchArguments::partsBytes(size_t launch, const Problem &problem) const {
  const Call &call = calls[launch];
  const Division division = this->division(launch, problem);
  if (division.parts == 1) return 0;
  const int64_t parts = (ownedBlocks(call, problem) - division.whole) * division.parts;
  return size_t(parts * call.partial_numbers * 2 * call.schedule.tile_m) * sizeof(float);
}

int LaunchArguments::splits(const Problem &problem) const {
  int64_t parts = 1;
  for (size_t k = 0; k < calls.size(); ++k) parts = std::max(parts, division(k, problem).parts);
  return int(parts);
}

int64_t LaunchArguments::allBlocks(size_t launch, const Problem &problem) const {
  const auto [whole, parts] = division(launch, problem);
  const int64_t divided = ownedBlocks(calls[launch], problem) - whole;
  if (calls[launch].joins) return parts > 1 ? divided : 0;
  return whole + divided * parts;
}

int64_t LaunchArguments::blocks(size_t launch, const Problem &problem) const {
  const Call &call = calls[launch];
  const int64_t blocks = allBlocks(launch, problem);
  return (call.walks || call.counter >= 0) && multiprocessors ? std::min(blocks, multiprocessors) : blocks;
}

int64_t LaunchArguments::counterAt(size_t launch, const Problem &problem) const {
  return blocks(launch, problem) < allBlocks(launch, problem) ? calls[launch].counter : -1;
}

// ---- checks
// ------------------------------------------------------------------------------------------------------------

Result<void> jvpgen::checkShape(const Problem &problem) {
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

tl::unexpected<Error> LaunchArguments::refuse(const TensorDeclaration &tensor, const std::string &obstacle,
                                              const std::string &remedy) const {
  return fail(ErrorKind::Invalid, "launching " + program + " of '" + bundle_name + "' needs the tensor '" +
                                      tensor.name + "': " + obstacle + "; " + remedy);
}

Result<void> LaunchArguments::resolve(const TensorMap &given, std::span<TensorView> out) const {
  for (size_t k = 0; k < tensors.size(); ++k) {
    auto found = given.find(tensors[k].name);
    if (found != given.end())
      out[k] = found->second;
    else if (used[k])
      return refuse(tensors[k], "it is missing",
                    tensors[k].is_output ? "give memory for it" : "give it, or leave it out of the specification");
  }
  return {};
}

Result<void> LaunchArguments::checkTensor(const TensorDeclaration &declared, const Problem &problem,
                                          const TensorView &view) const {
  if (view.dtype != declared.dtype)
    return refuse(declared, "it is " + std::string(name(view.dtype)) + ", not " + std::string(name(declared.dtype)),
                  "convert it, or change the specification's dtype");
  if (elements(declared, problem) == 0) return {};
  if (!view.data) return refuse(declared, "its address is null", "give memory for all of its elements");

  if (reinterpret_cast<uintptr_t>(view.data) % byteSize(view.dtype))
    return refuse(declared,
                  "its address is no multiple of its " + std::to_string(byteSize(view.dtype)) + "-byte elements",
                  "copy it to aligned memory");
  for (char index : declared.indices) {
    bool feature = index == 'd' || index == 'e',
         sequence = packed && index == 'b' && !declared.per_sequence; // packed: offsets take the place of a stride
    if (feature || sequence || !declared.is_output || extent(index, problem) <= 1) continue;
    if (view.stride[strideSlot(index)] == 0)
      return refuse(declared, std::string("it is written to, and its stride along '") + index + "' is 0",
                    "give each element a place of its own");
  }
  return {};
}

int64_t LaunchArguments::features(const TensorDeclaration &tensor) const {
  return tensor.indices.find('d') != std::string::npos ? head_dim_qk : head_dim_v;
}

TensorMapFacts LaunchArguments::map(size_t launch, size_t index, const Problem &problem,
                                    std::span<const TensorView> views) const {
  const Map &map = calls[launch].maps[index];
  const TensorDeclaration &tensor = tensors[map.tensor];
  return describeMap(map.declaration, calls[launch].schedule, tensor, views[map.tensor], problem, features(tensor),
                     packed);
}

Result<void> LaunchArguments::checkMaps(const Problem &problem, std::span<const TensorView> views) const {
  for (size_t k = 0; k < calls.size(); ++k)
    for (size_t m = 0; m < calls[k].maps.size(); ++m) {
      const TensorMapFacts facts = map(k, m, problem, views);
      if (facts.isEmpty()) continue;
      Result<void> ok = checkMap(facts, "launching " + program + " of '" + bundle_name + "' needs the tensor '" +
                                            calls[k].maps[m].declaration.tensor + "'");
      if (!ok) return ok;
    }
  return {};
}

size_t LaunchArguments::alignment(size_t tensor, const Problem &problem, std::span<const TensorView> views) const {
  for (size_t k = 0; k < calls.size(); ++k)
    for (size_t m = 0; m < calls[k].maps.size(); ++m)
      if (calls[k].maps[m].tensor == tensor && !map(k, m, problem, views).isEmpty()) return kMapAlignment;
  return byteSize(tensors[tensor].dtype);
}

Result<void> LaunchArguments::check(const Problem &problem, std::span<const TensorView> views,
                                    const void *workspace) const {
  if (views.size() != tensors.size())
    return fail(ErrorKind::Invalid, "launching " + program + " of '" + bundle_name + "' takes " +
                                        std::to_string(tensors.size()) + " tensors, and " +
                                        std::to_string(views.size()) + " were given; give all, in the program's order");
  if (Result<void> ok = checkShape(problem); !ok) return ok;
  for (size_t k = 0; k < tensors.size(); ++k)
    if (used[k])
      if (Result<void> ok = checkTensor(tensors[k], problem, views[k]); !ok) return ok;
  if (Result<void> ok = checkMaps(problem, views); !ok) return ok;
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

void LaunchArguments::pack(size_t launch, const Problem &problem, std::span<const TensorView> views, void *workspace,
                           KernelParameter &out) const {
  out.problem = problem;
  size_t next = 0;
  for (const Argument &argument : calls[launch].arguments) {
    TensorParameter &parameter = out.tensors[next++];
    parameter = {};
    if (argument.kind == Argument::Division) {
      const Division division = this->division(launch, problem);
      parameter.data = division.parts > 1 ? static_cast<std::byte *>(workspace) + buffersBytes(problem) : workspace;
      parameter.stride[0] = division.whole;
      parameter.stride[1] = division.parts;
      continue;
    }
    if (argument.kind == Argument::Tensor) {
      const TensorView &view = views[argument.index];
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
