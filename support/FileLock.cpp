// flock, asked for again and again: a wait inside the call could not be ended.
#include "support/FileLock.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

using namespace jvpgen;
using namespace std::chrono_literals;

FileLock::FileLock(const std::filesystem::path &file, std::chrono::milliseconds longest, Kind kind) {
  if (file.empty()) return;
  fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  const int mode = kind == Kind::Exclusive ? LOCK_EX : LOCK_SH;
  const auto last = std::chrono::steady_clock::now() + longest;
  for (auto pause = 1ms; !(locked = flock(fd, mode | LOCK_NB) == 0); pause = std::min(2 * pause, 32ms)) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() > last) return; // ENOLCK, ENOSYS, EOPNOTSUPP, ...
    std::this_thread::sleep_for(pause);
  }
}

/// Unlocking, not closing, ends the lock: a child that another thread forked meanwhile holds the same open file.
FileLock::~FileLock() {
  if (locked) flock(fd, LOCK_UN);
  if (fd >= 0) close(fd);
}
