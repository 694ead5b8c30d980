// Definitions in the program win over those of a shared libc; the next ones are libc's.
#include "RefusedCalls.h"

#include <cerrno>
#include <dlfcn.h>
#include <unistd.h>

using namespace jvpgen;

RefusedCalls &RefusedCalls::now() {
  static RefusedCalls calls;
  return calls;
}

template <typename... Args> static int pass(int code, const char *name, Args... args) {
  if (code) {
    errno = code;
    return -1;
  }
  return reinterpret_cast<int (*)(Args...)>(dlsym(RTLD_NEXT, name))(args...);
}

extern "C" {
int flock(int fd, int operation) noexcept { return pass(RefusedCalls::now().flock, "flock", fd, operation); }

int fsync(int fd) {
  if (int pause = RefusedCalls::now().fsync_pause_us) return usleep(unsigned(pause));
  return pass(RefusedCalls::now().fsync, "fsync", fd);
}

int fdatasync(int fd) {
  if (int pause = RefusedCalls::now().fsync_pause_us) return usleep(unsigned(pause));
  return pass(RefusedCalls::now().fsync, "fdatasync", fd);
}

int mkostemp(char *name, int flags) { return pass(RefusedCalls::now().mkostemp, "mkostemp", name, flags); }
}
