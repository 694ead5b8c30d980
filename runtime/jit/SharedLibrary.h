// Libraries that may be absent: where NVIDIA's can lie, and how one is opened and asked for its functions.
#ifndef JVPGEN_RUNTIME_JIT_SHAREDLIBRARY_H
#define JVPGEN_RUNTIME_JIT_SHAREDLIBRARY_H

#include "runtime/jit/Environment.h"
#include "support/Result.h"
#include <filesystem>
#include <string>
#include <vector>

namespace jvpgen {

/// An open library. It stays open until the process ends: what NVIDIA's libraries start does not survive a close.
class SharedLibrary {
public:
  /// `path` is a full path, or a bare name that the system's loader looks up.
  static Result<SharedLibrary> open(const std::filesystem::path &path);

  void *find(const char *symbol) const; ///< null if absent

  /// Sets `function`, a pointer to a function, or says that the library lacks it.
  template <typename Function> Result<void> bind(Function &function, const char *symbol) const {
    function = reinterpret_cast<Function>(find(symbol));
    if (function) return {};
    return fail(ErrorKind::Environment, "'" + path.string() + "' was asked for " + symbol +
                                            " and lacks it; install a CUDA release of 12.0 or later");
  }

  std::filesystem::path path; ///< where it was found; the bare name if only the loader knows

private:
  SharedLibrary(void *handle, std::filesystem::path path) : path(std::move(path)), handle(handle) {}
  void *handle;
};

/// Folders of this machine that can hold a library of a CUDA toolkit, the likeliest first: build/nvrtc as seen
/// from build/PRESET/bin, LD_LIBRARY_PATH, the system's, toolkits', those of Python packages
/// (site-packages/nvidia/*/lib).
std::vector<std::filesystem::path> cudaLibraryFolders(const Environment &environment);

/// The first of folder/name that is a file, names before folders; empty if there is none.
std::filesystem::path findLibrary(const std::vector<std::filesystem::path> &folders,
                                  const std::vector<std::string> &names);

} // namespace jvpgen

#endif
