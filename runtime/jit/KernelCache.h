// Key -> payload, from memory, else from disk, else made: once, however many threads and processes ask.
#ifndef JVPGEN_RUNTIME_JIT_KERNELCACHE_H
#define JVPGEN_RUNTIME_JIT_KERNELCACHE_H

#include "runtime/jit/CacheFolder.h"
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace jvpgen {

class KernelCache {
public:
  using Make = std::function<Result<std::string>()>;

  struct Answer {
    std::shared_ptr<const std::string> payload;
    bool made = false; ///< by this call
  };

  /// Bytes of payloads that a process keeps in memory; those used longest ago go first.
  static constexpr size_t kMemory = size_t(64) << 20;

  explicit KernelCache(std::filesystem::path folder, CacheFolder::Warn warn, size_t limit = kCacheLimit,
                       size_t memory = kMemory)
      : folder(std::move(folder), std::move(warn), limit), memory(memory) {}

  /// Who asks while another makes the same waits for him. A failure of `make` is kept nowhere: the next one tries.
  Result<Answer> obtain(const std::string &key, const Make &make);

private:
  struct Slot {
    std::mutex making; ///< held while the payload is looked for or made
    std::shared_ptr<const std::string> payload;
    size_t bytes = 0; ///< counted in `held`; 0 while there is no payload
    uint64_t used = 0;
  };

  std::shared_ptr<Slot> slotOf(const std::string &key);
  Result<Answer> fromDiskOrMade(const std::string &key, const Make &make);
  void count(Slot &slot);

  CacheFolder folder;
  const size_t memory;
  std::mutex mutex; ///< of what follows, and of `bytes` and `used` of each slot
  std::map<std::string, std::shared_ptr<Slot>> slots;
  size_t held = 0;
  uint64_t clock = 0;
};

} // namespace jvpgen

#endif
