// Compiled kernels on disk: one file a key, verified when read, never trusted from anybody else's folder.
#ifndef JVPGEN_RUNTIME_JIT_KERNELCACHE_H
#define JVPGEN_RUNTIME_JIT_KERNELCACHE_H

#include "runtime/jit/Environment.h"
#include "support/Result.h"
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace jvpgen {

/// $XDG_CACHE_HOME/jvpgen/kernels, else ~/.cache/jvpgen/kernels; empty if neither is an absolute path.
std::filesystem::path kernelCacheFolder(const Environment &environment);

/// A folder of entries. Whatever goes wrong, compiling goes on: an entry that is missing, damaged or unreadable is a
/// miss, and a folder that cannot be used is worth one warning.
class KernelCache {
public:
  using Warn = std::function<void(const std::string &)>;

  /// An empty `folder` means no cache. The folder is made when something is first stored.
  explicit KernelCache(std::filesystem::path folder, Warn warn);

  std::optional<std::string> load(const std::string &key);
  void store(const std::string &key, std::string_view payload);

  /// Whether entries can be read and written; the reason if not. A folder that does not exist yet is right.
  Result<void> usable() const;

  const std::filesystem::path folder;

private:
  bool ready();
  void warnOnce(const std::string &message);

  Warn warn;
  std::mutex mutex;
  bool warned = false;
};

} // namespace jvpgen

#endif
