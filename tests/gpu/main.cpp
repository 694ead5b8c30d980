// gpu_checks [NAME]: puts this machine's GPU to every check whose name contains NAME, one line each. Exit status: 0 all
// hold, 1 one does not, 77 no GPU.
#include "tests/gpu/DeviceChecks.h"
#include "tests/gpu/SharedChecks.h"

#include <chrono>
#include <cstdio>

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

int main(int argc, char **argv) {
  constexpr int kNoGpu = 77;
  Result<std::unique_ptr<DevicePlace>> place = DevicePlace::open();
  if (!place) {
    std::fprintf(stderr, "no GPU to check: %s\n", place.error().message.c_str());
    return kNoGpu;
  }
  std::vector<Check> checks = sharedChecks(**place, {.length = 130, .repeated_length = 1000});
  for (Check &check : deviceChecks(**place)) checks.push_back(std::move(check));
  size_t failed = 0, run = 0;
  for (const Check &check : checks) {
    if (argc > 1 && check.name.find(argv[1]) == std::string::npos) continue;
    run += 1;
    failed += !report(check);
  }
  std::printf("%s: %zu of %zu checks failed\n", (*place)->gpu->facts.name.c_str(), failed, run);
  if (run == 0) std::fprintf(stderr, "no check's name contains '%s'; run without a name to see them all\n", argv[1]);
  return failed || run == 0;
}
