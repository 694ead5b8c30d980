// A tuner with its database, whose worker processes simulate a GPU by a plan.
#ifndef JVPGEN_TESTS_TUNER_TUNERFIXTURE_H
#define JVPGEN_TESTS_TUNER_TUNERFIXTURE_H

#include "support/AtomicFile.h"
#include "tests/runtime/TemporaryFolder.h"
#include "tests/tuner/SimulatedTimes.h"
#include "tests/tuner/SmallBundle.h"
#include "tuner/Tuner.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

namespace jvpgen::tuner {

class TunerFixture : public testing::Test {
protected:
  void SetUp() override {
    request.emit = [](const Target &) { return smallBundle(); };
    request.jobs = {{"forward", smallProblem()}};
    request.builders = 2;
    request.budget_s = 20;
    request.search.strategy = "exhaustive";
    request.search.final_seconds = 0.1;
    plan["log"] = (folder.path / "log").string();
  }

  /// A call of the tuner with the plan as it stands.
  TuningReport tuned() {
    const std::string file = folder.path / "plan.json";
    EXPECT_TRUE(writeFile(file, plan.dump()));
    request.worker = {JVPGEN_SIMULATED_WORKER, file};
    Database database = openDatabase();
    Result<TuningReport> report = tune(request, database, observer);
    EXPECT_TRUE(report) << (report ? "" : report.error().message);
    return report.value_or(TuningReport());
  }

  SearchResult tunedProgram() {
    TuningReport report = tuned();
    EXPECT_EQ(report.programs.size(), 1u);
    return report.programs.empty() ? SearchResult() : report.programs.front().result;
  }

  void plant(const std::string &when, const std::string &what) {
    plan["plants"].push_back({{"when", when}, {"do", what}});
  }

  /// Lines of the processes' log that begin so.
  std::vector<std::string> noted(const std::string &beginning) const {
    std::vector<std::string> out;
    std::istringstream lines(readFile(folder.path / "log").value_or(""));
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(beginning)) out.push_back(line);
    return out;
  }
  void forgetLog() { std::filesystem::remove(folder.path / "log"); }

  Database openDatabase() const {
    return Database({.own = folder.path / "own" / "tuning.db", .shipped = {}},
                    [](const std::string &words) { ADD_FAILURE() << words; });
  }

  std::vector<Trial> trials() const { return openDatabase().trials().value_or(std::vector<Trial>()); }

  std::vector<Trial> trialsWith(Outcome outcome) const {
    std::vector<Trial> out = trials();
    std::erase_if(out, [&](const Trial &trial) { return trial.outcome != outcome; });
    return out;
  }

  /// The shortest time of one sweep over its legal schedules.
  static double bestUs(bool owns_queries) {
    double best = 1e9;
    for (const Schedule &schedule : legalSchedules(smallSweep("", owns_queries).resources, smallTarget()))
      best = std::min(best, simulatedUs(schedule));
    return best;
  }

  TemporaryFolder folder;
  TunerRequest request;
  Observer observer;
  Json plan = Json::object();
};

} // namespace jvpgen::tuner

#endif
