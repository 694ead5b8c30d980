// Look, lock, look again, make, store. A slot excludes threads, the lock of the key excludes processes.
#include "runtime/jit/KernelCache.h"

#include "support/FileLock.h"

#include <algorithm>

using namespace jvpgen;

std::shared_ptr<KernelCache::Slot> KernelCache::slotOf(const std::string &key) {
  std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<Slot> &slot = slots[key];
  if (!slot) slot = std::make_shared<Slot>();
  slot->used = ++clock;
  return slot;
}

/// Slots without a payload stay: somebody is filling them. One that goes lives on with those who hold it.
void KernelCache::count(Slot &slot) {
  std::lock_guard<std::mutex> lock(mutex);
  held += slot.bytes = std::max<size_t>(slot.payload->size(), 1);
  while (held > memory) {
    auto before = [](const auto &a, const auto &b) {
      return std::pair(a.second->bytes == 0, a.second->used) < std::pair(b.second->bytes == 0, b.second->used);
    };
    auto oldest = std::min_element(slots.begin(), slots.end(), before);
    held -= oldest->second->bytes;
    slots.erase(oldest);
  }
}

Result<KernelCache::Answer> KernelCache::fromDiskOrMade(const std::string &key, const Make &make) {
  auto shared = [](std::string &&payload) { return std::make_shared<const std::string>(std::move(payload)); };
  if (std::optional<std::string> payload = folder.load(key)) return Answer{shared(std::move(*payload)), false};
  FileLock lock(folder.lockFile(key));
  if (std::optional<std::string> payload = folder.load(key)) return Answer{shared(std::move(*payload)), false};
  Result<std::string> payload = make();
  if (!payload) return tl::unexpected(payload.error());
  folder.store(key, *payload);
  return Answer{shared(std::move(*payload)), true};
}

Result<KernelCache::Answer> KernelCache::obtain(const std::string &key, const Make &make) {
  std::shared_ptr<Slot> slot = slotOf(key);
  std::lock_guard<std::mutex> making(slot->making);
  if (slot->payload) return Answer{slot->payload, false};
  Result<Answer> answer = fromDiskOrMade(key, make);
  if (!answer) return answer;
  slot->payload = answer->payload;
  count(*slot);
  return answer;
}
