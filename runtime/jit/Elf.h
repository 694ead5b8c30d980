// The build id of a library on disk, read from its bytes without loading it.
#ifndef JVPGEN_RUNTIME_JIT_ELF_H
#define JVPGEN_RUNTIME_JIT_ELF_H

#include "support/Result.h"
#include <filesystem>
#include <string>

namespace jvpgen {

/// The GNU build id of a 64-bit library as hexadecimal digits.
Result<std::string> readBuildId(const std::filesystem::path &library);

} // namespace jvpgen

#endif
