#include "tools/jvpgen/TuneRecords.h"

#include "db/Buckets.h"
#include "schedule/ScheduleFields.h"

using namespace jvpgen;
using tuner::Json;

template <typename T> static Json orNull(const std::optional<T> &value) { return value ? Json(*value) : Json(nullptr); }

static Json kernelsJson(const Trial &trial) {
  Json out = Json::array();
  for (const TrialKernel &kernel : trial.kernels)
    out.push_back({{"kernel", kernel.kernel}, {"schedule", scheduleName(kernel.schedule)}});
  return out;
}

static Json trialJson(const Trial &trial) {
  std::optional<double> ratio;
  if (trial.median_us && trial.default_median_us) ratio = *trial.median_us / *trial.default_median_us;
  return {{"variant", trial.variant},
          {"skeleton", trial.skeleton},
          {"kernels", kernelsJson(trial)},
          {"outcome", name(trial.outcome)},
          {"reason", trial.reason},
          {"verdict", name(trial.verdict)},
          {"final", trial.cold_median_us.has_value()},
          {"median_us", orNull(trial.median_us)},
          {"spread_us", orNull(trial.spread_us)},
          {"default_median_us", orNull(trial.default_median_us)},
          {"default_spread_us", orNull(trial.default_spread_us)},
          {"ratio", orNull(ratio)},
          {"cold_median_us", orNull(trial.cold_median_us)},
          {"relative_error", orNull(trial.relative_error)},
          {"workspace_bytes", orNull(trial.workspace_bytes)},
          {"deterministic", orNull(trial.deterministic)}};
}

static Json programJson(const tuner::TunedProgram &program) {
  const tuner::SearchResult &result = program.result;
  Json trials = Json::array();
  for (const Trial &trial : result.trials) trials.push_back(trialJson(trial));
  return {{"program", program.program},
          {"shape", shapeText(program.problem)},
          {"gpu", program.device.ordinal},
          {"device", program.device.device.name},
          {"ending", name(result.ending)},
          {"reason", result.reason},
          {"seconds", result.seconds},
          {"resumed", result.resumed},
          {"default", result.standard ? trialJson(*result.standard) : Json(nullptr)},
          {"winner", result.winner ? trialJson(*result.winner) : Json(nullptr)},
          {"trials", std::move(trials)}};
}

Json jvpgen::toJson(const tuner::TuningReport &report) {
  Json programs = Json::array();
  for (const tuner::TunedProgram &program : report.programs) programs.push_back(programJson(program));
  return {{"run", report.run},
          {"interrupted", report.is_interrupted},
          {"seconds", report.seconds},
          {"programs", std::move(programs)}};
}

static std::optional<tuner::Candidate> candidateFrom(const Json &trial, const KernelBundle &bundle,
                                                     const std::string &program) {
  tuner::Candidate out{trial.at("variant"), {}};
  for (const Json &kernel : trial.at("kernels")) {
    Result<Schedule> schedule = parseSchedule(kernel.at("schedule").get<std::string>());
    if (!schedule) return std::nullopt;
    out.schedules.push_back(*schedule);
  }
  return variantOf(bundle, program, out) ? std::optional(out) : std::nullopt;
}

std::optional<tuner::Candidate> jvpgen::slowestOf(const Json &record, const KernelBundle &bundle,
                                                  const std::string &program) try {
  std::optional<tuner::Candidate> out;
  double slowest = 0;
  for (const Json &tuned : record.at("programs"))
    for (const Json &trial : tuned.at("trials")) {
      if (tuned.at("program") != program || !trial.at("ratio").is_number() || trial.at("ratio") <= slowest) continue;
      if (std::optional<tuner::Candidate> candidate = candidateFrom(trial, bundle, program)) {
        out = candidate;
        slowest = trial.at("ratio");
      }
    }
  return out;
} catch (const Json::exception &) {
  return std::nullopt;
}
