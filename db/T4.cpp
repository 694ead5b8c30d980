#include "db/T4.h"

#include "db/Buckets.h"
#include "schedule/ScheduleFields.h"

#include <ctime>
#include <nlohmann/json.hpp>

using namespace jvpgen;
using Json = nlohmann::ordered_json;

/// What T4 calls an outcome.
static const char *invalidityOf(Outcome outcome) {
  switch (outcome) {
  case Outcome::Measured: return "correct";
  case Outcome::NotCompiled: return "compile";
  case Outcome::Refused:
  case Outcome::Rejected: return "constraints";
  case Outcome::Wrong: return "correctness";
  case Outcome::TimedOut: return "timeout";
  case Outcome::OutOfMemory:
  case Outcome::Faulted:
  case Outcome::Throttled: return "runtime";
  }
  return "runtime";
}

/// "2026-01-31T23:59:59.042Z"
static std::string timestampOf(int64_t unix_ms) {
  const auto seconds = std::time_t(unix_ms / 1000);
  std::tm parts = {};
  gmtime_r(&seconds, &parts);
  char text[40], milliseconds[8];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(milliseconds, sizeof milliseconds, ".%03dZ", int(unix_ms % 1000));
  return std::string(text) + milliseconds;
}

static Json measurementsOf(const Trial &trial) {
  Json out = Json::array();
  auto add = [&](const char *name, const auto &value, const char *unit) {
    if (value) out.push_back({{"name", name}, {"value", *value}, {"unit", unit}});
  };
  add("time", trial.median_us, "microseconds");
  add("time_spread", trial.spread_us, "microseconds");
  add("default_time", trial.default_median_us, "microseconds");
  add("default_time_spread", trial.default_spread_us, "microseconds");
  add("cold_time", trial.cold_median_us, "microseconds");
  add("relative_error", trial.relative_error, "");
  add("workspace", trial.workspace_bytes, "bytes");
  return out;
}

static Json resultOf(const Trial &trial) {
  Json configuration = {{"variant", trial.variant}};
  for (const TrialKernel &kernel : trial.kernels)
    for (const ScheduleField &field : kScheduleFields)
      configuration[kernel.kernel + "." + field.name] = kernel.schedule.*field.value;
  Json runtimes = Json::array();
  if (trial.median_us) runtimes.push_back(*trial.median_us);
  return {{"timestamp", timestampOf(trial.measured_at_unix_ms)},
          {"configuration", configuration},
          {"objectives", {"time"}},
          {"times", {{"runtimes", runtimes}}},
          {"invalidity", invalidityOf(trial.outcome)},
          {"correctness", trial.outcome == Outcome::Measured ? 1 : 0},
          {"measurements", measurementsOf(trial)}};
}

Result<std::string> jvpgen::printT4(const std::vector<Trial> &trials) {
  if (trials.empty())
    return fail(ErrorKind::Invalid, "T4 was asked for, but no trial is chosen; `jvpgen db show` lists those there are");
  const Trial &first = trials.front();
  for (const Trial &trial : trials)
    if (!(trial.device == first.device) || canonicalKey(trial.problem) != canonicalKey(first.problem))
      return fail(ErrorKind::Invalid,
                  "T4 was asked for, but the trials are of several programs, shapes or GPUs, and such "
                  "a file is about one; choose with --program, --shape, --gpu");
  Json out = {{"schema_version", "1.1.0"},
              {"metadata",
               {{"compute_api", "CUDA"},
                {"platform", "NVIDIA driver " + first.driver + ", NVRTC " + first.nvrtc},
                {"device", first.device.name},
                {"autotuner", "jvpgen"},
                {"autotuner_version", first.jvpgen_version},
                {"timestamp", timestampOf(first.measured_at_unix_ms)},
                {"timeunit", "microseconds"},
                {"kernel", first.problem.program},
                {"problem", shapeText(first.problem.shape)},
                {"specification", first.problem.specification}}},
              {"results", Json::array()}};
  for (const Trial &trial : trials) out["results"].push_back(resultOf(trial));
  return out.dump(1) + "\n";
}
