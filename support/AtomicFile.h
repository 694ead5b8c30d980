// Whole files: read at once, written aside and renamed, so that a reader never sees half of one.
#ifndef JVPGEN_SUPPORT_ATOMICFILE_H
#define JVPGEN_SUPPORT_ATOMICFILE_H

#include "support/Result.h"
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace jvpgen {

/// All bytes of a file; refuses files of more than `limit` bytes.
Result<std::string> readFile(const std::filesystem::path &path, size_t limit = size_t(1) << 40);

/// Writes the pieces one after the other to a file beside `path`, syncs it, renames it. On failure nothing is left
/// behind.
Result<void> writeFile(const std::filesystem::path &path, std::span<const std::string_view> pieces);
Result<void> writeFile(const std::filesystem::path &path, std::string_view bytes);

} // namespace jvpgen

#endif
