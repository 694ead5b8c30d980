// Tensors and a workspace of one launch in a place's memory, each with a layout and guard bands of its own.
#ifndef JVPGEN_TESTS_GPU_PLACEDTENSORS_H
#define JVPGEN_TESTS_GPU_PLACEDTENSORS_H

#include "tests/gpu/MemoryLayout.h"
#include "tests/gpu/Place.h"
#include <optional>

namespace jvpgen {

struct PlacementOptions {
  bool strided = true;                   ///< each tensor arranged in another way; else all contiguous
  int64_t row_gap = 16;                  ///< elements
  size_t shift = 0;                      ///< of tensors' addresses, in bytes; at least an element
  bool shifts_inputs = true;             ///< outputs are shifted in any case
  unsigned char workspace_poison = 0xff; ///< what the workspace holds before the launch
};

class PlacedTensors {
public:
  static Result<PlacedTensors> create(Place &place, const AttentionSpec &spec, const TensorSet &inputs,
                                      const TensorSet &outputs, size_t workspace_bytes,
                                      const PlacementOptions &options);

  TensorMap views;
  void *workspace() const { return static_cast<unsigned char *>(scratch.get()) + MemoryLayout::kGuardBytes; }

  /// Outputs as given, NaN around inputs; the workspace poisoned.
  Result<void> reset();

  /// Reads the outputs. Fails where an input, or a byte around any tensor or the workspace, is not what it was.
  Result<void> collect(TensorSet &outputs) const;

private:
  struct Entry {
    HostTensor tensor; ///< as it was given
    MemoryLayout layout;
    bool is_output = false;
    std::shared_ptr<void> memory;

    unsigned char around() const { return is_output ? 0xa5 : 0xff; }
  };
  Result<void> checkWorkspace() const;
  Place *place = nullptr;
  std::vector<Entry> entries;
  std::shared_ptr<void> scratch;
  size_t workspace_bytes = 0;
  unsigned char poison = 0;
};

} // namespace jvpgen

#endif
