// Compiled kernels on disk: one file a key, verified when read, never trusted from anybody else's folder.
#ifndef JVPGEN_RUNTIME_JIT_CACHEFOLDER_H
#define JVPGEN_RUNTIME_JIT_CACHEFOLDER_H

#include "runtime/jit/Environment.h"
#include "support/Result.h"
#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace jvpgen {

/// $XDG_CACHE_HOME/jvpgen/kernels, else ~/.cache/jvpgen/kernels; empty if neither is an absolute path.
std::filesystem::path kernelCacheFolder(const Environment &environment);

/// Bytes of entries that are kept on disk unless JVPGEN_CACHE_LIMIT says otherwise.
inline constexpr size_t kCacheLimit = size_t(1) << 30;

/// JVPGEN_CACHE_LIMIT: a whole number of bytes, or one followed by K, M or G (powers of 1024).
Result<size_t> kernelCacheLimit(const Environment &environment);

/// A folder of entries that all processes of a user share. Whatever goes wrong, compiling goes on: an entry that is
/// missing, damaged or unreadable is a miss, and a folder that cannot be used is worth one warning.
class CacheFolder {
public:
  using Warn = std::function<void(const std::string &)>;

  struct Contents {
    size_t entries = 0, bytes = 0;
  };

  /// An empty `path` means no folder. The folder is made when something is first stored.
  CacheFolder(std::filesystem::path path, Warn warn, size_t limit = kCacheLimit);

  /// The payload stored last under the key; reading it makes it the one used last.
  std::optional<std::string> load(const std::string &key);

  /// Afterwards, entries used longest ago are removed until the limit is kept.
  void store(const std::string &key, std::string_view payload);

  /// The file whose lock stands for the key. It is made when first asked for and never removed: a lock on a file that
  /// has lost its name excludes nobody. Empty if there is no folder to hold it.
  std::filesystem::path lockFile(const std::string &key);

  /// Whether entries can be read and written; the reason if not. A folder that does not exist yet is right.
  Result<void> usable() const;

  Contents contents() const;

  const std::filesystem::path path;
  const size_t limit;

private:
  bool ready();
  bool make();
  void warnOnce(const std::string &message);

  Warn warn;
  std::atomic<bool> warned = false;
};

} // namespace jvpgen

#endif
