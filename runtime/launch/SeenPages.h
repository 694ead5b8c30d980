// Pages of the address space that one GPU was found to own, so that the driver is asked about each of them once.
#ifndef JVPGEN_RUNTIME_LAUNCH_SEENPAGES_H
#define JVPGEN_RUNTIME_LAUNCH_SEENPAGES_H

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace jvpgen {

/// May be asked and told by many threads at once. Pages have the 2 MiB that the driver maps at a time; a page drives
/// out another of the same slot.
class SeenPages {
public:
  static constexpr unsigned kPageBits = 21;
  static constexpr size_t kSlots = 4096; ///< consecutive pages never meet: 8 GiB

  bool has(const void *address) const { return slot(address).load(std::memory_order_relaxed) == page(address); }
  void add(const void *address) { slot(address).store(page(address), std::memory_order_relaxed); }

private:
  static uintptr_t page(const void *address) { return (reinterpret_cast<uintptr_t>(address) >> kPageBits) + 1; }
  const std::atomic<uintptr_t> &slot(const void *address) const { return slots[page(address) % kSlots]; }
  std::atomic<uintptr_t> &slot(const void *address) { return slots[page(address) % kSlots]; }
  std::array<std::atomic<uintptr_t>, kSlots> slots = {};
};

} // namespace jvpgen

#endif
