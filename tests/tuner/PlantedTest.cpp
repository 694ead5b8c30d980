// Candidates that misbehave cost themselves, are recorded with the reason, and nothing else is lost.
#include "tests/tuner/TunerFixture.h"

using namespace jvpgen;
using namespace jvpgen::tuner;
using testing::HasSubstr;

namespace {
class Planted : public TunerFixture {
protected:
  /// Plants something in the schedules with 8 warps and tiles of 16, which are slow; the rest must be found as ever.
  std::vector<Trial> after(const std::string &what, Outcome outcome) {
    plant("tile_n 16, warps 8, stages 2", what);
    const SearchResult result = tunedProgram();
    EXPECT_EQ(result.ending, Ending::Tuned) << result.reason;
    EXPECT_NEAR(result.winner ? *result.winner->median_us : 0, bestUs(true), 1e-6);
    std::vector<Trial> found = trialsWith(outcome);
    EXPECT_FALSE(found.empty());
    for (const Trial &trial : found) {
      EXPECT_EQ(trial.kernels[0].schedule.tile_n, 16);
      EXPECT_FALSE(trial.median_us);
    }
    const size_t legal = legalSchedules(smallSweep("", true).resources, smallTarget()).size();
    std::set<std::string> seen;
    for (const Trial &trial : trials()) seen.insert(candidateDigest(trial.variant, trial.kernels));
    EXPECT_EQ(seen.size(), legal); // one trial at least for every one of them
    return found;
  }
};
} // namespace

TEST_F(Planted, ACrashNamesItsSignal) {
  for (const Trial &trial : after("abort", Outcome::Faulted)) EXPECT_THAT(trial.reason, HasSubstr("signal 6"));
}

TEST_F(Planted, ALoopForEverIsEnded) {
  request.search.trial_patience = std::chrono::milliseconds(700);
  for (const Trial &trial : after("hang", Outcome::TimedOut))
    EXPECT_THAT(trial.reason, HasSubstr("did not end within"));
}

TEST_F(Planted, AFaultEndsItsProcess) {
  for (const Trial &trial : after("fault", Outcome::Faulted)) EXPECT_THAT(trial.reason, HasSubstr("ILLEGAL_ADDRESS"));
  EXPECT_GE(noted("describe").size(), 2u); // a new process
}

TEST_F(Planted, FastAndWrongIsNoWinner) {
  plant("tile_n 16, warps 8, stages 2", "fast");
  for (const Trial &trial : after("wrong", Outcome::Wrong)) EXPECT_THAT(trial.reason, HasSubstr("differs"));
  EXPECT_EQ(noted("describe").size(), 1u); // nothing had to be started again
}

TEST_F(Planted, HeatThatStaysIsRecorded) {
  for (const Trial &trial : after("throttle", Outcome::Throttled)) EXPECT_THAT(trial.reason, HasSubstr("too hot"));
}

TEST_F(Planted, SpillsAreNotMeasured) {
  plan["needs_kernels"] = true;
  for (const Trial &trial : after("spill", Outcome::Rejected)) EXPECT_THAT(trial.reason, HasSubstr("spills 320 bytes"));
}

TEST_F(Planted, SerialisedProductsAreNotMeasured) {
  plan["needs_kernels"] = true;
  for (const Trial &trial : after("serialise", Outcome::Rejected))
    EXPECT_THAT(trial.reason, HasSubstr("wait for one another"));
}

TEST_F(Planted, WhatDoesNotCompileSaysWhy) {
  plan["needs_kernels"] = true;
  for (const Trial &trial : after("refuse", Outcome::NotCompiled))
    EXPECT_THAT(trial.reason, HasSubstr("expected a ';'"));
}

TEST_F(Planted, ACompilerThatCrashesCostsItsCandidate) {
  plan["needs_kernels"] = true;
  for (const Trial &trial : after("abort builder", Outcome::NotCompiled))
    EXPECT_THAT(trial.reason, HasSubstr("signal 6"));
}

TEST_F(Planted, ACompilerThatHangsCostsItsCandidate) {
  request.build_patience = std::chrono::milliseconds(700);
  plan["needs_kernels"] = true;
  for (const Trial &trial : after("hang builder", Outcome::NotCompiled))
    EXPECT_THAT(trial.reason, HasSubstr("did not end within"));
}

TEST_F(Planted, AFinalThatBreaksIsRepeatedWithoutWhoBrokeIt) {
  const SearchResult sound = tunedProgram();
  const Schedule best = sound.winner->kernels[0].schedule;
  std::filesystem::remove_all(folder.path / "own");
  plant("tile_m " + std::to_string(best.tile_m) + ", tile_n " + std::to_string(best.tile_n) + ", warps " +
            std::to_string(best.warps) + ", stages " + std::to_string(best.stages),
        "abort final");
  const SearchResult result = tunedProgram();
  EXPECT_EQ(result.ending, Ending::DefaultStays);
  EXPECT_EQ(trialsWith(Outcome::Faulted).size(), 1u);
}

TEST_F(Planted, ADefaultThatIsWrongFailsItsProgramAlone) {
  plan["default_is_wrong"] = true;
  const SearchResult result = tunedProgram();
  EXPECT_EQ(result.ending, Ending::Failed);
  EXPECT_THAT(result.reason, HasSubstr("the default: output 'o'"));
  EXPECT_EQ(trialsWith(Outcome::Wrong).size(), 1u);
}
