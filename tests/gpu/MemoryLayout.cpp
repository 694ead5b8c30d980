// Row-major element numbers to byte offsets.
#include "tests/gpu/MemoryLayout.h"

#include "tools/tensors/Interface.h"
#include <cstring>

using namespace jvpgen;

int64_t MemoryLayout::elements() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

size_t MemoryLayout::place(int64_t element) const {
  int64_t offset = 0;
  for (size_t k = shape.size(); k-- > 0; element /= shape[k]) offset += element % shape[k] * stride[k];
  return begin + size_t(offset) * element_bytes;
}

std::vector<unsigned char> MemoryLayout::scatter(const HostTensor &tensor, unsigned char around) const {
  std::vector<unsigned char> memory(bytes, around);
  for (int64_t k = 0; k < elements(); ++k)
    std::memcpy(&memory[place(k)], &tensor.bytes[size_t(k) * element_bytes], element_bytes);
  return memory;
}

void MemoryLayout::gather(const std::vector<unsigned char> &memory, HostTensor &tensor) const {
  for (int64_t k = 0; k < elements(); ++k)
    std::memcpy(&tensor.bytes[size_t(k) * element_bytes], &memory[place(k)], element_bytes);
}

int64_t MemoryLayout::firstTrespass(const std::vector<unsigned char> &memory, unsigned char around) const {
  std::vector<bool> owned(bytes);
  for (int64_t k = 0; k < elements(); ++k)
    for (size_t byte = 0; byte < element_bytes; ++byte) owned[place(k) + byte] = true;
  for (size_t k = 0; k < bytes; ++k)
    if (!owned[k] && memory[k] != around) return int64_t(k);
  return -1;
}

/// Axes from the innermost outwards.
static std::vector<size_t> orderOf(Arrangement arrangement, size_t rank) {
  std::vector<size_t> order;
  for (size_t k = rank; k-- > 0;) order.push_back(k);
  if (rank < 3) return order;
  if (arrangement == Arrangement::LengthOutsideHeads) std::swap(order[rank - 3], order[rank - 2]);
  if (arrangement == Arrangement::HeadsOutside) std::swap(order[rank - 2], order[rank - 1]);
  return order;
}

MemoryLayout jvpgen::layOut(const HostTensor &tensor, Arrangement arrangement, int64_t row_gap, size_t shift) {
  constexpr size_t kAlignment = 256;
  MemoryLayout out;
  out.shape = tensor.shape;
  out.stride.resize(tensor.shape.size());
  out.element_bytes = byteSize(tensor.dtype);
  const bool gaps = arrangement == Arrangement::Slice || arrangement == Arrangement::HeadsOutside;
  int64_t running = 1, first = 0;
  for (size_t axis : orderOf(arrangement, tensor.shape.size())) {
    const bool innermost = running == 1 && first == 0;
    const int64_t gap = !gaps ? 0 : innermost ? row_gap : arrangement == Arrangement::Slice ? 3 : 0;
    out.stride[axis] = running;
    if (arrangement == Arrangement::Slice) first += (innermost ? row_gap / 2 : 1) * running;
    running *= tensor.shape[axis] + gap;
  }
  out.begin = MemoryLayout::kGuardBytes + size_t(first) * out.element_bytes + shift;
  const size_t end = MemoryLayout::kGuardBytes + size_t(running) * out.element_bytes + shift;
  out.bytes = (end + MemoryLayout::kGuardBytes + kAlignment - 1) / kAlignment * kAlignment;
  return out;
}

TensorView jvpgen::viewOf(const AttentionSpec &spec, const HostTensor &tensor, const MemoryLayout &layout,
                          void *memory) {
  TensorView out{static_cast<unsigned char *>(memory) + layout.begin, tensor.dtype, {0, 0, 0, 0}};
  const std::vector<Extent> extents = extentsOf(spec, tensor.name);
  for (size_t k = 0; k < extents.size(); ++k) switch (extents[k]) {
    case Extent::Batch:
    case Extent::BatchPlusOne: out.stride[0] = layout.stride[k]; break;
    case Extent::Heads:
    case Extent::KvHeads: out.stride[1] = layout.stride[k]; break;
    case Extent::QueryRows:
    case Extent::QueryTotal: out.stride[2] = layout.stride[k]; break;
    case Extent::KeyRows:
    case Extent::KeyTotal: out.stride[3] = layout.stride[k]; break;
    default: break;
    }
  return out;
}
