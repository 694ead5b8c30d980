// A child of the test that runs one function and ends with its result as exit status.
#ifndef JVPGEN_TESTS_RUNTIME_CHILDPROCESS_H
#define JVPGEN_TESTS_RUNTIME_CHILDPROCESS_H

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace jvpgen {

class ChildProcess {
public:
  template <typename Function> explicit ChildProcess(Function body) : id(fork()) {
    if (id == 0) _exit(body());
  }
  ChildProcess(ChildProcess &&other) noexcept : id(other.id) { other.id = 0; }
  ChildProcess(const ChildProcess &) = delete;
  ~ChildProcess() { kill(); }

  void kill() {
    if (id > 0) ::kill(id, SIGKILL);
    wait();
  }

  /// Its exit status, or -1 if it did not end by itself.
  int wait() {
    int status = -1;
    if (id > 0) waitpid(id, &status, 0);
    id = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

private:
  pid_t id;
};

/// Holds children back until all are there: they wait, the test opens.
class Gate {
public:
  Gate() { valid = pipe(ends) == 0; }
  ~Gate() {
    if (valid) close(ends[0]), open();
  }
  Gate(const Gate &) = delete;
  Gate &operator=(const Gate &) = delete;

  void open() {
    if (ends[1] >= 0) close(ends[1]);
    ends[1] = -1;
  }
  /// In a child.
  void wait() {
    open();
    char byte;
    while (read(ends[0], &byte, 1) > 0) {
    }
  }

private:
  int ends[2] = {-1, -1};
  bool valid = false;
};

} // namespace jvpgen

#endif
