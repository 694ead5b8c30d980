// A folder of one's own for as long as an object lives.
#ifndef JVPGEN_TUNER_SCRATCHFOLDER_H
#define JVPGEN_TUNER_SCRATCHFOLDER_H

#include "support/Result.h"
#include <filesystem>

namespace jvpgen::tuner {

class ScratchFolder {
public:
  /// Beneath the system's folder for such things; nobody else may enter it.
  static Result<ScratchFolder> create();
  ~ScratchFolder();
  ScratchFolder(ScratchFolder &&other) noexcept : path(std::move(other.path)) { other.path.clear(); }
  ScratchFolder(const ScratchFolder &) = delete;

  std::filesystem::path path;

private:
  explicit ScratchFolder(std::filesystem::path path) : path(std::move(path)) {}
};

} // namespace jvpgen::tuner

#endif
