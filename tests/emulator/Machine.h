// Runs a kernel on the host, block after block, with one fiber for each thread, and says what it did wrong.
#ifndef JVPGEN_TESTS_EMULATOR_MACHINE_H
#define JVPGEN_TESTS_EMULATOR_MACHINE_H

#include "Fiber.h"
#include "HostMachine.h"
#include "runtime/launch/TensorMaps.h"
#include "support/Result.h"
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace jvpgen {

/// Collectives of a warp are rendezvous: the last of its 32 lanes to come carries them out for all. A fault (an address
/// outside shared memory, lanes at different collectives, threads that wait for ever) ends the run with its
/// description.
class Machine final : public HostMachine {
public:
  /// `body` is run by every thread of every block.
  Result<void> run(const std::string &kernel, int64_t blocks, int threads, uint32_t shared_bytes,
                   const std::function<void()> &body);

  void barrier() override;
  float shuffleXor(float x, int mask) override;
  bool any(bool x) override;
  unsigned char *shared(uint32_t at, uint32_t bytes) override;
  void copyAsync(uint32_t to, const void *from, uint32_t bytes, bool valid) override;
  void commitCopies() override;
  void waitCopies(int under_way) override;
  void loadMatrices(uint32_t (&x)[4], uint32_t row, bool transposed) override;
  void multiply(Element element, float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) override;

  uint32_t ballot(bool x) override;
  int broadcast(int x) override;
  void phaseInit(uint32_t barrier, int arrivals) override;
  void phaseArrive(uint32_t barrier, int expected_bytes) override;
  void phaseArriveAfterCopies(uint32_t barrier) override;
  void phaseWait(uint32_t barrier, uint32_t parity) override;
  void meeting(int number, int threads, bool waits) override;
  void copyBox(uint32_t to, const void *map, const int (&at)[4], uint32_t barrier) override;
  void multiplyLater(const Product &product) override;
  void closeProducts() override;
  void waitProducts(int under_way) override;

  /// Boxes arrive at once (which shows slots that are filled too early) or when nothing else can go on (which shows
  /// slots that are read too early).
  bool eager_copies = false;

private:
  static constexpr int kLanes = 32;
  static constexpr uint32_t kSharedBase = 1024; ///< shared_base() of host_primitives.h
  enum class Collective {
    None,
    Shuffle,
    Any,
    LoadMatrices,
    LoadMatricesTransposed,
    MultiplyBF16,
    MultiplyF16,
    MultiplyTF32,
    Ballot,
    Broadcast,
    Products
  };

  /// What a lane brings to a collective, and what it takes away.
  struct Lane {
    uint32_t a[4], b[2], address, result[4];
    float c[4], x;
    int mask;
    bool flag;
  };
  struct Warp {
    Lane lanes[kLanes];
    Collective kind = Collective::None;
    uint32_t arrived = 0; ///< a bit for each lane
    uint64_t meetings = 0;
    bool waits_for_products = false;
    uint64_t products = 0; ///< how often it has been given what it waited for
  };
  struct Copy {
    uint32_t to, bytes;
    const void *from;
    bool valid;
  };
  /// A copy of a box; it may outlive the thread that issued it, and so the parameter that held the map.
  struct Box {
    uint32_t to;
    TensorMapFacts facts;
    int at[4];
  };
  /// A barrier in shared memory.
  struct Phases {
    int arrivals = 0, missing = 0;
    int64_t missing_bytes = 0;
    uint64_t ended = 0;
    std::deque<Box> copies;                      ///< not yet carried out
    std::deque<std::vector<Copy>> late_arrivals; ///< of threads whose copies are not yet carried out
  };
  struct Meeting {
    int threads = 0, came = 0;
    uint64_t held = 0;
  };
  struct Thread {
    std::unique_ptr<Fiber> fiber;
    const uint64_t *waits_for = nullptr; ///< a counter, and the value at which the thread began to wait
    uint64_t since = 0;
    std::vector<Copy> open;
    std::deque<std::vector<Copy>> groups;
    std::vector<Product> open_products;
    std::deque<std::vector<Product>> product_groups;

    bool waits() const { return waits_for && *waits_for == since; }
  };

  void runBlock(const std::function<void()> &body);
  void threadEnded();
  void releaseBarrier();
  std::string waiting() const;
  template <typename Describe> [[noreturn]] void fault(Describe describe);
  void waitWhile(const uint64_t &counter);
  Lane &lane() { return warps[size_t(thread / kLanes)].lanes[thread % kLanes]; }
  void meet(Collective kind);
  void carryOut(Warp &warp);
  void loadAll(Warp &warp, bool transposed);
  Phases &phasesAt(uint32_t barrier);
  void endPhase(Phases &barrier);
  void carryOut(const Box &box, Phases &barrier);
  void carryOut(const std::vector<Copy> &copies);
  void arrive(Phases &barrier, uint32_t at);
  bool carryOutCopy();
  bool carryOutProducts();
  void multiplyAll(int warp);
  uint16_t elementAt(uint32_t at);
  bool isShared(uint32_t at, uint32_t bytes) const;
  void checkEnd();

  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<unsigned char> memory; ///< shared memory of the block
  int alive = 0, at_barrier = 0;
  uint64_t barriers = 0;
  std::map<uint32_t, Phases> phases;
  std::map<int, Meeting> meetings;
  std::string kernel, problem;
};

/// The fiber stays where it is; `runBlock` drops its stack, on which therefore nothing is left that owns memory.
template <typename Describe> void Machine::fault(Describe describe) {
  problem = "kernel " + kernel + ", block " + std::to_string(block) + ", thread " + std::to_string(thread) + ": " +
            describe();
  for (;;) Fiber::yield();
}

} // namespace jvpgen

#endif
