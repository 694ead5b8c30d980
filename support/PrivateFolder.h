// Folders that nobody but the user writes to: what lies there decides what runs as him.
#ifndef JVPGEN_SUPPORT_PRIVATEFOLDER_H
#define JVPGEN_SUPPORT_PRIVATEFOLDER_H

#include "support/Result.h"
#include <filesystem>
#include <string>

namespace jvpgen {

/// How messages speak of a folder.
struct FolderWords {
  std::string name;   ///< "the kernel cache"
  std::string remedy; ///< "set XDG_CACHE_HOME to a folder of yours"
};

/// Whether a folder and the one around it belong to the user and are closed to other writers; of the outer one root may
/// be the owner, and a sticky bit will do. A folder that does not exist yet is right.
Result<void> checkPrivate(const std::filesystem::path &folder, const FolderWords &words);

/// Makes a folder and those around it that are missing, each for the user alone.
Result<void> makePrivate(const std::filesystem::path &folder, const FolderWords &words);

} // namespace jvpgen

#endif
