// The JSON header of a safetensors file.
#ifndef JVPGEN_TOOLS_TENSORS_SAFETENSORSHEADER_H
#define JVPGEN_TOOLS_TENSORS_SAFETENSORSHEADER_H

#include "support/Result.h"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace jvpgen {

/// A tensor as the header declares it; `begin` and `end` are bytes behind the header, not yet checked.
struct TensorEntry {
  std::string name, dtype;
  std::vector<uint64_t> shape;
  uint64_t begin = 0, end = 0;
};

/// Reads exactly the JSON that the format allows: an object of tensor objects, and __metadata__ with strings, which is
/// skipped.
Result<std::vector<TensorEntry>> parseSafetensorsHeader(std::string_view json, std::string_view file);

} // namespace jvpgen

#endif
