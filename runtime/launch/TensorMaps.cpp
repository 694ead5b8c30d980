#include "runtime/launch/TensorMaps.h"

using namespace jvpgen;

static constexpr uint64_t kMostBytes = uint64_t(1) << 40;

TensorMapFacts jvpgen::describeMap(const TensorMapDeclaration &map, const Schedule &schedule,
                                   const TensorDeclaration &tensor, const TensorView &view, const Problem &problem,
                                   int64_t features, bool packed) {
  auto has = [&](char index) { return tensor.indices.find(index) != std::string::npos; };
  const bool queries = has('i');
  TensorMapFacts facts;
  facts.data = view.data;
  facts.dtype = view.dtype;
  facts.extent[0] = uint64_t(features);
  const int64_t rows = queries ? problem.q_length : problem.kv_length,
                total = queries ? problem.q_total : problem.kv_total; // of all sequences behind one another
  facts.extent[1] = uint64_t(packed ? total : rows);
  facts.extent[2] = uint64_t(has('r') ? problem.heads : has('n') ? problem.kv_heads : 1);
  facts.extent[3] = uint64_t(has('b') && !packed ? problem.batch : 1);
  const int64_t strides[3] = {view.stride[queries ? 2 : 3], view.stride[1], view.stride[0]};
  for (int axis = 0; axis < 3; ++axis) {
    const bool alone = facts.extent[axis + 1] == 1; // then any stride will do
    facts.stride_bytes[axis] = alone ? kMapAlignment : uint64_t(strides[axis]) * byteSize(view.dtype);
  }
  facts.box_features = uint32_t(map.features);
  facts.box_rows = uint32_t(map.rows == "tile_m" ? schedule.tile_m : schedule.tile_n);
  return facts;
}

Result<void> jvpgen::checkMap(const TensorMapFacts &facts, const std::string &asked) {
  auto refuse = [&](const std::string &obstacle) {
    return fail(ErrorKind::Unsupported,
                asked + ", which Hopper's copy engine reads: " + obstacle +
                    "; copy it to contiguous memory, or emit the kernels for sm_90, which have no such limits");
  };
  if (reinterpret_cast<uintptr_t>(facts.data) % kMapAlignment) return refuse("its address is no multiple of 16 bytes");
  for (uint64_t stride : facts.stride_bytes)
    if (stride == 0 || stride % kMapAlignment || stride >= kMostBytes)
      return refuse("its strides are " + std::to_string(facts.stride_bytes[0]) + ", " +
                    std::to_string(facts.stride_bytes[1]) + ", " + std::to_string(facts.stride_bytes[2]) +
                    " bytes, not all of them positive multiples of 16");
  return {};
}
