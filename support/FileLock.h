// A lock between processes for as long as an object lives.
#ifndef JVPGEN_SUPPORT_FILELOCK_H
#define JVPGEN_SUPPORT_FILELOCK_H

#include <chrono>
#include <filesystem>

namespace jvpgen {

/// Holds flock(2) on a file, which is made if it is missing and must never be removed: a lock on a file that has lost
/// its name excludes nobody. The system takes the lock back from a process that dies. Where locks are not to be had, or
/// somebody holds one for longer than `longest` (he may be stopped), there is none, and the owner has to do without.
class FileLock {
public:
  enum class Kind { Exclusive, Shared };

  explicit FileLock(const std::filesystem::path &file, std::chrono::milliseconds longest = std::chrono::minutes(10),
                    Kind kind = Kind::Exclusive);
  ~FileLock();
  FileLock(const FileLock &) = delete;
  FileLock &operator=(const FileLock &) = delete;

  bool held() const { return locked; }

private:
  int fd = -1;
  bool locked = false;
};

} // namespace jvpgen

#endif
