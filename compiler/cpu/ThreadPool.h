// Threads that live as long as the program and share out tasks by number.
#ifndef JVPGEN_COMPILER_CPU_THREADPOOL_H
#define JVPGEN_COMPILER_CPU_THREADPOOL_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace jvpgen::cpu {

class ThreadPool {
public:
  /// The one of the program; it starts threads when they are first asked for.
  static ThreadPool &shared();
  ~ThreadPool();

  using Task = std::function<void(int64_t task, unsigned worker)>;

  /// Runs tasks 0 .. count - 1 on at most `workers` threads, the caller among them, and returns when all are done.
  /// Which worker takes a task is not determined. Calls from several threads follow one another.
  void run(unsigned workers, int64_t count, const Task &task);

private:
  void serve(unsigned worker);
  void drain(unsigned worker);
  void grow(unsigned workers);

  std::mutex one_call; ///< held for the length of a call
  std::mutex mutex;    ///< guards what follows
  std::condition_variable wake, done;
  std::vector<std::thread> threads;
  const Task *current = nullptr;
  int64_t count = 0;
  unsigned invited = 0, busy = 0;
  uint64_t generation = 0;
  bool ending = false;
  std::atomic<int64_t> next = 0;
};

} // namespace jvpgen::cpu

#endif
