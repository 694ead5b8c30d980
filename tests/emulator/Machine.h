// Runs a kernel on the host, block after block, with one fiber for each thread, and says what it did wrong.
#ifndef JVPGEN_TESTS_EMULATOR_MACHINE_H
#define JVPGEN_TESTS_EMULATOR_MACHINE_H

#include "Fiber.h"
#include "HostMachine.h"
#include "support/Result.h"
#include <deque>
#include <functional>
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

private:
  static constexpr int kLanes = 32;
  enum class Collective {
    None,
    Shuffle,
    Any,
    LoadMatrices,
    LoadMatricesTransposed,
    MultiplyBF16,
    MultiplyF16,
    MultiplyTF32
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
  };
  struct Copy {
    uint32_t to, bytes;
    const void *from;
    bool valid;
  };
  struct Thread {
    std::unique_ptr<Fiber> fiber;
    const uint64_t *waits_for = nullptr; ///< a counter, and the value at which the thread began to wait
    uint64_t since = 0;
    std::vector<Copy> open;
    std::deque<std::vector<Copy>> groups;

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

  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<unsigned char> memory; ///< shared memory of the block
  int alive = 0, at_barrier = 0;
  uint64_t barriers = 0;
  std::string kernel, problem;
};

} // namespace jvpgen

#endif
