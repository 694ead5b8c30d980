// System calls that fail or dawdle on demand: the test program's own flock, fsync, fdatasync and mkostemp stand before
// libc's.
#ifndef JVPGEN_TESTS_RUNTIME_REFUSEDCALLS_H
#define JVPGEN_TESTS_RUNTIME_REFUSEDCALLS_H

namespace jvpgen {

/// What each call fails with while an object lives; 0: it is libc's.
struct RefusedCalls {
  int flock = 0, fsync = 0, mkostemp = 0;
  int fsync_pause_us = 0; ///< if not 0, fsync and fdatasync only wait so long: a disk of known speed

  static RefusedCalls &now();
};

/// Sets `RefusedCalls::now()` for a scope.
class Refusing {
public:
  explicit Refusing(RefusedCalls calls) { RefusedCalls::now() = calls; }
  ~Refusing() { RefusedCalls::now() = {}; }
  Refusing(const Refusing &) = delete;
  Refusing &operator=(const Refusing &) = delete;
};

} // namespace jvpgen

#endif
