// Tensor files in the safetensors format: eight bytes of header length, a JSON header, the data.
#ifndef JVPGEN_TOOLS_TENSORS_SAFETENSORS_H
#define JVPGEN_TOOLS_TENSORS_SAFETENSORS_H

#include "support/Result.h"
#include "tools/tensors/HostTensor.h"
#include <filesystem>
#include <string_view>

namespace jvpgen {

/// Parses the bytes of a file; `file` is for messages. Whatever the bytes are, the answer is tensors or an error: types
/// that the program does not know, duplicate names, and data that overlaps, leaves gaps or disagrees with the shapes
/// are refused. BOOL becomes I8.
Result<TensorSet> parseSafetensors(std::string_view bytes, std::string_view file);

Result<TensorSet> readSafetensors(const std::filesystem::path &path);

/// Tensors in the order of their names; on failure no file is left behind.
Result<void> writeSafetensors(const std::filesystem::path &path, const TensorSet &tensors);

} // namespace jvpgen

#endif
