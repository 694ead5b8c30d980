// jvpgen db show: trials, one a line.
#include "tools/jvpgen/Db.h"

#include "db/Buckets.h"
#include "db/TrialJson.h"
#include <cstdio>
#include <ctime>
#include <memory>

using namespace jvpgen;

/// What came out, in a few words: the time beside the default's, or the reason why there is none.
static std::string resultText(const Trial &trial) {
  if (trial.outcome != Outcome::Measured) return std::string(name(trial.outcome)) + ": " + trial.reason;
  char text[96];
  if (trial.default_median_us)
    std::snprintf(text, sizeof text, "%.2f us, default %.2f us, ratio %.3f, %s", *trial.median_us,
                  *trial.default_median_us, *trial.median_us / *trial.default_median_us, name(trial.verdict));
  else
    std::snprintf(text, sizeof text, "%.2f us", *trial.median_us);
  return text;
}

static void printTrial(const Trial &trial) {
  const auto seconds = std::time_t(trial.measured_at_unix_ms / 1000);
  char date[24];
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M", std::gmtime(&seconds));
  std::printf("%.12s  %s  %s %s  %s\n  %s\n  %s\n", contentId(trial).c_str(), date, trial.problem.program.c_str(),
              shapeText(trial.problem.shape).c_str(), trial.device.name.c_str(),
              candidateText(trial.variant, trial.kernels).c_str(), resultText(trial).c_str());
}

static Result<void> show(const FilterOptions &options) {
  Result<std::vector<Trial>> trials = selectTrials(options);
  if (!trials) return tl::unexpected(trials.error());
  if (options.json) {
    std::fputs(printTrials(*trials).c_str(), stdout);
    return {};
  }
  for (const Trial &trial : *trials) printTrial(trial);
  std::printf("%zu trials\n", trials->size());
  return {};
}

void jvpgen::addDbShow(CLI::App &db, Action &action) {
  CLI::App *command =
      db.add_subcommand("show", "list trials: the candidate, its time beside the default's, or why not");
  auto options = std::make_shared<FilterOptions>();
  addFilterOptions(*command, *options);
  command->callback([=, &action] { action = [=] { return show(*options); }; });
}
