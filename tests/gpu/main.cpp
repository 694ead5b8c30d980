// gpu_checks [NAME]: puts this machine's GPU to every check whose name contains NAME, one line each. Exit status: 0 all
// hold, 1 one does not, 77 no GPU.
#include "tests/gpu/DeviceChecks.h"
#include "tests/gpu/HopperChecks.h"
#include "tests/gpu/SharedChecks.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

using namespace jvpgen;

/// Prints the verdict; false if the check failed.
static bool report(const Check &check) {
  const auto begin = std::chrono::steady_clock::now();
  const Result<std::string> done = check.run();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const bool unsupported = !done && done.error().kind == ErrorKind::Unsupported;
  std::printf("%-6s %s: %s (%.1f s)\n",
              done          ? "ok"
              : unsupported ? "none"
                            : "FAILED",
              check.name.c_str(), (done ? *done : done.error().message).c_str(), seconds);
  std::fflush(stdout);
  return done || unsupported;
}

/// Compiling takes longer than running: checks are done side by side. Returns how many failed.
static size_t reportAll(const std::vector<Check> &checks) {
  constexpr unsigned kMostThreads = 8;
  std::atomic<size_t> next = 0, failed = 0;
  std::vector<std::jthread> threads;
  for (unsigned k = 0; k < std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads); ++k)
    threads.emplace_back([&] {
      for (size_t mine = next++; mine < checks.size(); mine = next++) failed += !report(checks[mine]);
    });
  threads.clear(); // waits
  return failed;
}

int main(int argc, char **argv) {
  constexpr int kNoGpu = 77;
  Result<std::unique_ptr<DevicePlace>> place = DevicePlace::open();
  if (!place) {
    std::fprintf(stderr, "no GPU to check: %s\n", place.error().message.c_str());
    return kNoGpu;
  }
  std::vector<Check> checks = deviceChecks(**place);
  for (Check &check : sharedChecks(**place, {.length = 130, .repeated_length = 1000}))
    checks.push_back(std::move(check));
  for (Check &check : hopperChecks(**place, {})) checks.push_back(std::move(check));
  if (argc > 1) std::erase_if(checks, [&](const Check &c) { return c.name.find(argv[1]) == std::string::npos; });
  if (checks.empty()) std::fprintf(stderr, "no check's name contains '%s'; run without one to see them all\n", argv[1]);
  const size_t failed = reportAll(checks);
  std::printf("%s: %zu of %zu checks failed\n", (*place)->gpu->facts.name.c_str(), failed, checks.size());
  return failed || checks.empty();
}
