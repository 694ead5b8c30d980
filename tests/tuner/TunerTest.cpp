// What a tuner finds, and how it ends.
#include "db/BundleTrials.h"
#include "db/Lookup.h"
#include "runtime/jit/CompiledVariant.h"
#include "schedule/ScheduleFields.h"
#include "tests/tuner/TunerFixture.h"

using namespace jvpgen;
using namespace jvpgen::tuner;
using testing::HasSubstr;

TEST_F(TunerFixture, FindsTheBestOfAllSchedules) {
  const SearchResult result = tunedProgram();
  ASSERT_EQ(result.ending, Ending::Tuned) << result.reason;
  EXPECT_NEAR(*result.winner->median_us, bestUs(true), 1e-6);
  EXPECT_NEAR(*result.winner->default_median_us, simulatedUs(smallBundle().variants[0].schedule), 1e-6);
  EXPECT_EQ(result.winner->verdict, Verdict::Better);
  EXPECT_TRUE(result.winner->cold_median_us && result.winner->deterministic && result.winner->relative_error);
  const size_t legal = legalSchedules(smallSweep("", true).resources, smallTarget()).size();
  EXPECT_EQ(noted("trial").size(), legal - 1); // the default is measured with each of them
}

TEST_F(TunerFixture, EveryTrialIsInTheDatabaseWhichThenKnowsTheWinner) {
  const SearchResult result = tunedProgram();
  EXPECT_EQ(trials().size(), result.trials.size());
  Database database = openDatabase();
  const Trial &any = result.trials.front();
  const Winner winner = database.best({any.problem, any.device, any.template_digest, any.default_digest});
  EXPECT_EQ(winner.match, Match::Exact);
  EXPECT_FALSE(winner.is_default);
  EXPECT_EQ(winner.kernels, result.winner->kernels);
}

TEST_F(TunerFixture, AxesOfSeveralSweepsAreFoundOneByOneAndCombined) {
  request.jobs = {{"backward", smallProblem()}};
  const SearchResult result = tunedProgram();
  ASSERT_EQ(result.ending, Ending::Tuned) << result.reason;
  EXPECT_EQ(result.winner->variant, "col"); // one sweep of the simulated cost where the other variant has two
  EXPECT_NEAR(*result.winner->median_us, bestUs(false), 1e-6);
  double fastest = 1e9;
  for (const Trial &trial : result.trials)
    if (trial.variant == "row+col" && trial.median_us) fastest = std::min(fastest, *trial.median_us);
  EXPECT_NEAR(fastest, bestUs(true) + bestUs(false), 1e-6);
}

TEST_F(TunerFixture, LocalSearchFromTheWorstScheduleComesWithinThreePercent) {
  request.search.strategy = "local";
  request.start = [](const KernelBundle &bundle, const std::string &program) {
    Candidate worst = candidateOf(bundle.variants[0]);
    for (const Schedule &schedule : legalSchedules(bundle.variants[0].launches[0].resources, smallTarget()))
      if (simulatedUs(schedule) > simulatedUs(worst.schedules[0])) worst.schedules[0] = schedule;
    return std::optional(worst);
  };
  const SearchResult result = tunedProgram();
  ASSERT_EQ(result.ending, Ending::Tuned) << result.reason;
  EXPECT_LE(*result.winner->median_us, 1.03 * bestUs(true));
}

TEST_F(TunerFixture, TheBudgetIsKept) {
  plan["trial_ms"] = 80;
  request.jobs = {{"forward", smallProblem()}, {"backward", smallProblem()}};
  request.began = Clock::now();
  request.budget_s = 4;
  const TuningReport report = tuned();
  EXPECT_LT(report.seconds, 5); // other work may disturb; without a budget it takes ten
  ASSERT_EQ(report.programs.size(), 2u);
  for (const TunedProgram &program : report.programs) EXPECT_NE(program.result.ending, Ending::Failed);
  EXPECT_EQ(noted("final").size(), 2u);
}

/// The bundle, with the fastest schedule as its default.
static KernelBundle bundleAtItsBest() {
  KernelBundle bundle = smallBundle();
  Launch &launch = bundle.variants[0].launches[0];
  for (const Schedule &schedule : legalSchedules(launch.resources, smallTarget()))
    if (simulatedUs(schedule) < simulatedUs(launch.schedule)) launch.schedule = schedule;
  bundle.variants[0].schedule = launch.schedule;
  return bundle;
}

TEST_F(TunerFixture, NothingBetterThanTheDefaultLeavesIt) {
  request.emit = [](const Target &) { return bundleAtItsBest(); };
  const SearchResult result = tunedProgram();
  EXPECT_EQ(result.ending, Ending::DefaultStays);
  EXPECT_FALSE(result.winner);
  ASSERT_TRUE(result.standard);
  EXPECT_EQ(result.standard->verdict, Verdict::Ambiguous);
  EXPECT_EQ(noted("final").size(), 1u);
}

TEST_F(TunerFixture, AShapeWhoseDefaultStaysIsTunedInLookUps) {
  for (const char *tile :
       {"tile_n 16", "tile_n 32", "tile_n 48", "tile_n 64", "tile_n 80", "tile_n 96", "tile_n 112", "tile_n 128"})
    plant(tile, "wrong"); // the default is left alone, without anybody to compare with
  const SearchResult result = tunedProgram();
  EXPECT_EQ(result.ending, Ending::DefaultStays);
  Database database = openDatabase();
  Result<TunedVariant> found = tunedVariant(database, smallBundle(), "forward", smallProblem(), result.standard->device,
                                            smallTarget(), "s.toml");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->match, Match::Exact);
  EXPECT_TRUE(found->is_default);
  EXPECT_EQ(found->notice, "");
}

TEST_F(TunerFixture, ASpreadAboveTheGainIsAmbiguousAfterASecondFinal) {
  request.emit = [](const Target &) { return bundleAtItsBest(); };
  plant("tile_n 16, warps 8, stages 2", "waver");
  const SearchResult result = tunedProgram();
  EXPECT_EQ(result.ending, Ending::Ambiguous);
  EXPECT_FALSE(result.winner);
  EXPECT_EQ(noted("final").size(), 2u);
  int ambiguous = 0;
  for (const Trial &trial : trials()) ambiguous += trial.verdict == Verdict::Ambiguous;
  EXPECT_GE(ambiguous, 2); // and the default beside itself
  Database database = openDatabase();
  const Trial any = trials().front();
  EXPECT_TRUE(database.best({any.problem, any.device, any.template_digest, any.default_digest}).is_default);
}

TEST_F(TunerFixture, TheIncumbentStaysUnlessItIsBeatenByTheMargin) {
  plant("tile_n 32", "fast");
  const SearchResult first = tunedProgram();
  ASSERT_EQ(first.ending, Ending::Tuned);
  plan["plants"] = Json::array();
  plan["noise"] = 0.002;
  request.search.margin = 0.9; // nobody beats anybody by that
  forgetLog();
  const SearchResult second = tunedProgram();
  EXPECT_EQ(second.ending, Ending::DefaultStays);
  EXPECT_THAT(noted("trial").front(), HasSubstr("tile_n 32")); // the incumbent was tried first
}

TEST_F(TunerFixture, ResumingRepeatsNothingButTheBest) {
  const SearchResult first = tunedProgram();
  forgetLog();
  request.search.resumes = true;
  const SearchResult second = tunedProgram();
  EXPECT_EQ(second.ending, Ending::Tuned);
  EXPECT_EQ(second.winner->kernels, first.winner->kernels);
  EXPECT_LE(noted("trial").size(), request.search.finalists);
  EXPECT_GT(second.resumed, 20u);
}

TEST_F(TunerFixture, AnInterruptedSearchKeepsWhatItHasAndIsResumed) {
  plan["trial_ms"] = 10;
  request.search.strategy = "random";
  request.isInterrupted = [this] { return noted("trial").size() >= 20; };
  const TuningReport report = tuned();
  EXPECT_TRUE(report.is_interrupted);
  ASSERT_EQ(report.programs.size(), 1u);
  EXPECT_EQ(report.programs[0].result.ending, Ending::Interrupted);
  EXPECT_TRUE(report.programs[0].result.winner); // the best so far
  EXPECT_GE(trials().size(), 19u);
  EXPECT_EQ(noted("final").size(), 0u);

  request.isInterrupted = nullptr;
  request.search.resumes = true;
  plan["trial_ms"] = 0;
  const size_t before = noted("trial").size();
  const SearchResult second = tunedProgram();
  EXPECT_EQ(second.ending, Ending::Tuned);
  EXPECT_NEAR(*second.winner->median_us, bestUs(true), 1e-6);
  const size_t legal = legalSchedules(smallSweep("", true).resources, smallTarget()).size();
  EXPECT_LE(noted("trial").size() - before, legal - 19 + request.search.finalists);
}

TEST_F(TunerFixture, SeveralGpusShareTheShapes) {
  plan["devices"] = 3;
  plan["trial_ms"] = 5;
  request.devices = {};
  request.jobs.clear();
  for (int64_t batch : {2, 4, 8}) {
    request.jobs.push_back({"forward", smallProblem()});
    request.jobs.back().problem.batch = batch;
  }
  const TuningReport report = tuned();
  ASSERT_EQ(report.programs.size(), 3u);
  std::set<int> used;
  for (const TunedProgram &program : report.programs) {
    EXPECT_EQ(program.result.ending, Ending::Tuned);
    used.insert(program.device.ordinal);
  }
  EXPECT_EQ(used, (std::set{0, 1, 2}));
}

TEST_F(TunerFixture, AGpuThatIsNotThereIsAnError) {
  request.devices = {5};
  request.worker = {JVPGEN_SIMULATED_WORKER, folder.path / "plan.json"};
  EXPECT_TRUE(writeFile(folder.path / "plan.json", plan.dump()));
  Database database = openDatabase();
  Result<TuningReport> report = tune(request, database, observer);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::Environment);
  EXPECT_THAT(report.error().message, HasSubstr("GPU 5"));
}

/// A sweep of warpgroups, whose machine code can be rejected.
static KernelBundle warpgroupBundle() {
  KernelBundle bundle = smallBundle();
  bundle.arch = "sm_90a";
  bundle.variants.resize(1);
  Launch &launch = bundle.variants[0].launches[0];
  launch.resources = {};
  launch.resources.own_features = 128, launch.resources.streamed_features = 256, launch.resources.key_features = 128;
  launch.resources.output_features = 128;
  launch.resources.score_tiles = launch.resources.packed_tiles = 2, launch.resources.early_scores = 1;
  launch.resources.warpgroups = launch.resources.is_sweep = true;
  launch.schedule = bundle.variants[0].schedule = defaultSchedule(launch.resources, {"sm_90a", 227 * 1024, 108});
  return bundle;
}

TEST_F(TunerFixture, WhatTakesTheDefaultsPlaceIsWhatCandidatesAreComparedWith) {
  request.emit = [](const Target &) { return warpgroupBundle(); };
  plan["arch"] = "sm_90a";
  plan["needs_kernels"] = true;
  const Launch launch = warpgroupBundle().variants[0].launches[0];
  const std::vector<Schedule> order = schedulesToTry(launch, {"sm_90a", 227 * 1024, 108});
  ASSERT_GT(order.size(), 4u);
  for (size_t k : {0, 1}) plant(scheduleName(order[k]), "spill");
  const SearchResult result = tunedProgram();
  ASSERT_TRUE(result.standard) << result.reason;
  EXPECT_EQ(result.standard->kernels[0].schedule, order[2]);
  EXPECT_EQ(result.standard->default_digest, defaultDigest(warpgroupBundle(), "forward"));
  for (const Trial &trial : result.trials)
    if (trial.default_median_us) EXPECT_NEAR(*trial.default_median_us, simulatedUs(order[2]), 1e-6);
  for (size_t k : {0, 1})
    EXPECT_TRUE(std::any_of(result.trials.begin(), result.trials.end(), [&](const Trial &trial) {
      return trial.outcome == Outcome::Rejected && trial.kernels[0].schedule == order[k];
    }));
}

TEST_F(TunerFixture, WhereAllAreRejectedTheDefaultRuns) {
  request.emit = [](const Target &) { return warpgroupBundle(); };
  plan["arch"] = "sm_90a";
  plan["needs_kernels"] = true;
  plant("tile_m", "spill");
  const SearchResult result = tunedProgram();
  ASSERT_TRUE(result.standard) << result.reason;
  EXPECT_EQ(result.standard->kernels[0].schedule, warpgroupBundle().variants[0].schedule);
}
