// prepare_time BUNDLE [BATCH HEADS QUERIES KEYS]: how long a process takes to have every program of a bundle ready for
// a shape on the first GPU, side by side, once its context is there. What is found in caches is up to XDG_CACHE_HOME.
// Prints one JSON object.
#include "jvpgen/jvpgen.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>

using Clock = std::chrono::steady_clock;

static double millisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

int main(int count, char **texts) try {
  if (count != 2 && count != 6) {
    std::fputs("prepare_time BUNDLE [BATCH HEADS QUERIES KEYS]\n", stderr);
    return 2;
  }
  auto size = [&](int k, int64_t otherwise) { return count == 6 ? std::atoll(texts[k]) : otherwise; };
  const jvpgen_problem problem = jvpgen::problem(size(2, 2), size(3, 16), size(4, 4096), size(5, 4096));
  const jvpgen::Device device(0);
  const Clock::time_point begin = Clock::now();
  const jvpgen::Bundle bundle(texts[1]);
  const double open_ms = millisecondsSince(begin);
  std::vector<jvpgen::Program> programs;
  for (const std::string &name : bundle.programs()) programs.emplace_back(bundle, device, name);
  std::vector<jvpgen::Program *> all;
  for (jvpgen::Program &program : programs) all.push_back(&program);
  const Clock::time_point prepared = Clock::now();
  jvpgen::prepare(all, {problem});
  const double all_ms = millisecondsSince(prepared);
  std::printf("{\"device\": \"%s\", \"bundle\": \"%s\", \"programs\": %zu, \"open_ms\": %.2f, "
              "\"prepare_ms\": %.2f}\n",
              device.info().name, bundle.info().name, programs.size(), open_ms, all_ms);
  return 0;
} catch (const jvpgen::Error &error) {
  std::fprintf(stderr, "prepare_time: %s\n", error.what());
  return error.status;
}
