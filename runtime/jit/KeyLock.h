// A lock between processes for as long as an object lives.
#ifndef JVPGEN_RUNTIME_JIT_KEYLOCK_H
#define JVPGEN_RUNTIME_JIT_KEYLOCK_H

#include <chrono>
#include <filesystem>

namespace jvpgen {

/// Holds flock(2) on a file, which is made if it is missing. The system takes the lock back from a process that dies.
/// Where locks are not to be had, or somebody holds one for longer than any compilation takes (he may be stopped),
/// there is none, and the owner goes on without: that costs a compilation, never a wrong entry.
class KeyLock {
public:
  explicit KeyLock(const std::filesystem::path &file, std::chrono::milliseconds longest = std::chrono::minutes(10));
  ~KeyLock();
  KeyLock(const KeyLock &) = delete;
  KeyLock &operator=(const KeyLock &) = delete;

  bool held() const { return locked; }

private:
  int fd = -1;
  bool locked = false;
};

} // namespace jvpgen

#endif
