// Workers sleep between calls; within one they take the next task's number from a counter.
#include "compiler/cpu/ThreadPool.h"
#include <algorithm>

using namespace jvpgen::cpu;

ThreadPool &ThreadPool::shared() {
  static ThreadPool pool;
  return pool;
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex);
    ending = true;
  }
  wake.notify_all();
  for (std::thread &thread : threads) thread.join();
}

void ThreadPool::grow(unsigned workers) {
  while (threads.size() + 1 < workers) {
    unsigned worker = static_cast<unsigned>(threads.size()) + 1;
    threads.emplace_back([this, worker] { serve(worker); });
  }
}

void ThreadPool::drain(unsigned worker) {
  for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < count;) (*current)(task, worker);
}

void ThreadPool::serve(unsigned worker) {
  std::unique_lock lock(mutex);
  for (uint64_t seen = 0;;) {
    wake.wait(lock, [&] { return ending || (generation != seen && worker < invited); });
    if (ending) return;
    seen = generation;
    lock.unlock();
    drain(worker);
    lock.lock();
    if (--busy == 0) done.notify_one();
  }
}

void ThreadPool::run(unsigned workers, int64_t tasks, const Task &task) {
  std::lock_guard call(one_call);
  workers = static_cast<unsigned>(std::clamp<int64_t>(tasks, 1, std::max(workers, 1u)));
  {
    std::lock_guard lock(mutex);
    grow(workers);
    current = &task;
    count = tasks;
    next.store(0, std::memory_order_relaxed);
    invited = workers;
    busy = workers - 1;
    ++generation;
  }
  if (workers > 1) wake.notify_all();
  drain(0);
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return busy == 0; });
  invited = 0;
}
