// A function with a stack of its own that can stop in the middle and be resumed.
#ifndef JVPGEN_TESTS_EMULATOR_FIBER_H
#define JVPGEN_TESTS_EMULATOR_FIBER_H

#include <cstddef>
#include <functional>

namespace jvpgen {

class Fiber {
public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber &) = delete;
  Fiber &operator=(const Fiber &) = delete;

  /// Makes the fiber run `body` from its beginning at the next `resume`. Whatever it ran before is dropped, not
  /// unwound.
  void start(std::function<void()> body);

  /// Runs until the fiber yields or its body ends. Not from inside a fiber.
  void resume();
  bool ended() const { return done; }

  /// Back to where the running fiber was resumed.
  static void yield();

private:
  static void enter();
  void switchBack(bool for_good);

  unsigned char *stack = nullptr;
  void *own = nullptr;    ///< stack pointer of the fiber while it does not run
  void *caller = nullptr; ///< stack pointer of who resumed it
  bool done = true;
  std::function<void()> body;
  // AddressSanitizer's view of the two stacks.
  [[maybe_unused]] void *own_fake = nullptr, *caller_fake = nullptr;
  [[maybe_unused]] const void *caller_bottom = nullptr;
  [[maybe_unused]] size_t caller_size = 0;
};

} // namespace jvpgen

#endif
