// A counter that the child of a fork raises.
#include "runtime/launch/Forks.h"

#include <atomic>
#include <pthread.h>

static std::atomic<unsigned> forks = 0;

unsigned jvpgen::forksSoFar() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  (void)registered;
  return forks.load(std::memory_order_relaxed);
}
