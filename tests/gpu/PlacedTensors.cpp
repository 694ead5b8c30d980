// Upload, download, and the comparison of what must not have changed.
#include "tests/gpu/PlacedTensors.h"

#include <algorithm>

using namespace jvpgen;

static constexpr unsigned char kWorkspaceGuard = 0xa5;

Result<PlacedTensors> PlacedTensors::create(Place &place, const AttentionSpec &spec, const TensorSet &inputs,
                                            const TensorSet &outputs, size_t workspace_bytes,
                                            const PlacementOptions &options) {
  PlacedTensors out;
  out.place = &place;
  out.workspace_bytes = workspace_bytes;
  out.poison = options.workspace_poison;
  for (const TensorSet *set : {&inputs, &outputs})
    for (const auto &[name, tensor] : *set) {
      const auto arrangement =
          options.strided ? Arrangement((out.entries.size() + 2) % kArrangements) : Arrangement::Contiguous;
      const bool is_output = set == &outputs;
      const size_t unit = byteSize(tensor.dtype), asked = is_output || options.shifts_inputs ? options.shift : 0;
      const size_t shift = (asked + unit - 1) / unit * unit;
      Entry entry{tensor, layOut(tensor, arrangement, options.row_gap, shift), is_output, nullptr};
      Result<std::shared_ptr<void>> memory = place.allocate(entry.layout.bytes);
      if (!memory) return tl::unexpected(memory.error());
      entry.memory = *memory;
      out.views[name] = viewOf(spec, tensor, entry.layout, memory->get());
      out.entries.push_back(std::move(entry));
    }
  Result<std::shared_ptr<void>> scratch = place.allocate(workspace_bytes + 2 * MemoryLayout::kGuardBytes);
  if (!scratch) return tl::unexpected(scratch.error());
  out.scratch = *scratch;
  if (Result<void> done = out.reset(); !done) return tl::unexpected(done.error());
  return out;
}

Result<void> PlacedTensors::reset() {
  for (const Entry &entry : entries) {
    const std::vector<unsigned char> bytes = entry.layout.scatter(entry.tensor, entry.around());
    if (Result<void> done = place->write(entry.memory.get(), bytes.data(), bytes.size()); !done) return done;
  }
  std::vector<unsigned char> bytes(workspace_bytes + 2 * MemoryLayout::kGuardBytes, kWorkspaceGuard);
  std::fill_n(bytes.begin() + MemoryLayout::kGuardBytes, workspace_bytes, poison);
  return place->write(scratch.get(), bytes.data(), bytes.size());
}

static Result<void> trespassed(const std::string &what) {
  return fail(ErrorKind::CheckFailed, "a launch wrote to " + what + ", which is not an output's; look at its strides");
}

Result<void> PlacedTensors::checkWorkspace() const {
  std::vector<unsigned char> band(MemoryLayout::kGuardBytes);
  for (size_t begin : {size_t(0), MemoryLayout::kGuardBytes + workspace_bytes}) {
    const void *from = static_cast<const unsigned char *>(scratch.get()) + begin;
    if (Result<void> done = place->read(band.data(), from, band.size()); !done) return done;
    if (std::any_of(band.begin(), band.end(), [](unsigned char x) { return x != kWorkspaceGuard; }))
      return trespassed(begin ? "memory behind the workspace" : "memory before the workspace");
  }
  return {};
}

Result<void> PlacedTensors::collect(TensorSet &outputs) const {
  for (const Entry &entry : entries) {
    std::vector<unsigned char> bytes(entry.layout.bytes);
    if (Result<void> done = place->read(bytes.data(), entry.memory.get(), bytes.size()); !done) return done;
    const std::string &name = entry.tensor.name;
    if (!entry.is_output && bytes != entry.layout.scatter(entry.tensor, entry.around()))
      return trespassed("the input '" + name + "' or memory around it");
    if (!entry.is_output) continue;
    if (const int64_t byte = entry.layout.firstTrespass(bytes, entry.around()); byte >= 0)
      return trespassed("byte " + std::to_string(byte - int64_t(entry.layout.begin)) + " from the start of '" + name +
                        "'");
    entry.layout.gather(bytes, outputs.find(name)->second);
  }
  return checkWorkspace();
}
