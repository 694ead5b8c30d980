// Whether a database file is whole: its pages, its references, and every trial in it.
#ifndef JVPGEN_DB_VERIFY_H
#define JVPGEN_DB_VERIFY_H

#include "db/Trial.h"

#include <filesystem>

namespace jvpgen {

struct FileReport {
  std::vector<std::string> faults; ///< in words; empty where nothing is wrong
  std::vector<Trial> trials;       ///< those that could be read
};

/// Changes nothing, but for undoing what a writer that died left half done. An error if the file cannot be opened.
Result<FileReport> verifyFile(const std::filesystem::path &path);

} // namespace jvpgen

#endif
