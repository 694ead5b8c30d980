// A worker process without a GPU: times follow a formula, and candidates that a plan names misbehave.
//
// usage: tuner_simulated_worker PLAN.json
//   needs_kernels   whether candidates have to be "compiled"              devices    how many GPUs there are
//   noise           relative, of every sample                             us_scale   factor on all times
//   trial_ms        how long a trial takes                                build_ms   how long a compilation takes
//   log             a file that gets a line for each order                name, arch of the GPU
//   plants          [{"when": text in a sweep's schedule or a variant's name, "do": what happens}]
//     in trials: "abort", "hang", "fault" (a poisoned process), "wrong", "throttle", "fast" (half the time)
//     in trials and finals: "waver" (mostly a tenth faster than the default, often a third slower)
//     in compilations: "spill", "serialise", "refuse", "abort builder", "hang builder"
//     in finals: "abort final"
#include "runtime/abi/BundleFiles.h"
#include "schedule/ScheduleFields.h"
#include "support/AtomicFile.h"
#include "tests/tuner/SimulatedTimes.h"
#include "tuner/Worker.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>
#include <unistd.h>

using namespace jvpgen;
using namespace jvpgen::tuner;

namespace {
class Simulation : public MeasuringDevice, public KernelBuilder {
public:
  explicit Simulation(Json plan) : plan(std::move(plan)), random(unsigned(getpid())) {}

  Attempt<DeviceReport> describe(int ordinal) override {
    note("describe " + std::to_string(ordinal));
    if (ordinal >= plan.value("devices", 1)) return failed(Outcome::Faulted, "there is no such GPU");
    DeviceReport out;
    out.ordinal = ordinal;
    const std::string arch = plan.value("arch", "sm_80");
    const int shared = arch == "sm_80" ? 163 * 1024 : 227 * 1024;
    out.device = {plan.value("name", "Simulated GPU"), arch, 108, int64_t(1) << 34, shared, 1500, 2000, 400};
    out.driver = "1.0";
    out.target = {arch, shared, 108};
    out.devices = plan.value("devices", 1);
    out.needs_kernels = plan.value("needs_kernels", false);
    return out;
  }

  Attempt<BuildAnswer> build(const BuildOrder &order) override {
    const std::string what = order.variant + ": " + scheduleName(order.schedule);
    note("build " + what);
    sleepFor("build_ms", 1);
    if (is("abort builder", what)) std::abort();
    if (is("hang builder", what)) pause();
    if (is("refuse", what)) return failed(Outcome::NotCompiled, "error: expected a ';'");
    BuiltKernel kernel;
    kernel.cubin = order.cubin;
    kernel.spill_bytes = is("spill", what) ? 320 : 0;
    kernel.serialised = is("serialise", what) ? 2 : 0;
    return BuildAnswer{kernel, "13.0"};
  }

  Attempt<OpenAnswer> open(const OpenOrder &order) override {
    note("open " + order.standard.program);
    Result<KernelBundle> read = readBundle(order.bundle);
    if (!read) return failed(Outcome::Faulted, read.error().message);
    bundle = std::move(*read);
    standard = order.standard;
    if (plan.value("default_is_wrong", false)) return failed(Outcome::Wrong, "output 'o': it differs");
    return OpenAnswer{1e-3, usOf(standard)};
  }

  Attempt<TrialAnswer> trial(const TrialOrder &order) override {
    const std::string what = nameOf(order.candidate);
    note("trial " + what);
    sleepFor("trial_ms", 1);
    if (is("abort", what)) std::abort();
    if (is("hang", what)) pause();
    if (is("fault", what)) return failed(Outcome::Faulted, "CUDA_ERROR_ILLEGAL_ADDRESS", true);
    if (is("wrong", what)) return failed(Outcome::Wrong, "output 'o': it differs from the default's by 0.9");
    if (is("throttle", what)) return failed(Outcome::Throttled, "the GPU was too hot, in each of three trials");
    TrialAnswer out;
    for (int k = 0; k < order.rounds; ++k) {
      out.samples_us.push_back(usOf(order.candidate, k) * noise());
      out.default_samples_us.push_back(usOf(standard) * noise());
    }
    out.relative_error = 2e-3;
    return out;
  }

  Attempt<FinalAnswer> final(const FinalOrder &order) override {
    note("final of " + std::to_string(order.candidates.size()));
    FinalAnswer out;
    std::vector<Runnable> all = {standard};
    all.insert(all.end(), order.candidates.begin(), order.candidates.end());
    for (const Runnable &runnable : all) {
      if (is("abort final", nameOf(runnable))) std::abort();
      FinalAnswer::Entry entry;
      for (int k = 0; k < 15; ++k) entry.samples_us.push_back(usOf(runnable, k) * noise());
      entry.cold_us = {1.2 * usOf(runnable)};
      out.entries.push_back(entry);
    }
    return out;
  }

private:
  std::string nameOf(const Runnable &runnable) const {
    Result<KernelVariant> variant = variantOf(bundle, runnable.program, runnable.candidate);
    return variant ? runnable.program + " " + candidateName(*variant) : "";
  }

  double usOf(const Runnable &runnable, int sample = 0) const {
    if (is("waver", nameOf(runnable))) return usOf(standard) * (sample % 5 < 3 ? 0.9 : 1.3);
    double us = 0;
    for (const Schedule &schedule : runnable.candidate.schedules) us += simulatedUs(schedule);
    return us * plan.value("us_scale", 1.0) * (is("fast", nameOf(runnable)) ? 0.5 : 1);
  }

  double noise() { return std::max(0.1, 1 + plan.value("noise", 0.0) * std::normal_distribution<>()(random)); }

  bool is(const std::string &what, const std::string &name) const {
    for (const Json &plant : plan.value("plants", Json::array()))
      if (plant.at("do") == what && name.find(plant.at("when").get<std::string>()) != name.npos) return true;
    return false;
  }

  void sleepFor(const char *key, int otherwise) const {
    std::this_thread::sleep_for(std::chrono::milliseconds(plan.value(key, otherwise)));
  }

  void note(const std::string &line) const {
    if (const std::string log = plan.value("log", ""); !log.empty()) std::ofstream(log, std::ios::app) << line + "\n";
  }

  Json plan;
  std::mt19937 random;
  KernelBundle bundle;
  Runnable standard;
};
} // namespace

int main(int argc, char **argv) {
  Result<std::string> text = argc == 2 ? readFile(argv[1]) : fail(ErrorKind::Invalid, "a plan is needed");
  Json plan = text ? Json::parse(*text, nullptr, false) : Json();
  if (!plan.is_object()) {
    std::fprintf(stderr, "no plan can be read\n");
    return 2;
  }
  Simulation simulation(std::move(plan));
  return serve(simulation, simulation);
}
