// Which trial answers a question.
#include "db/Ranking.h"
#include "Trials.h"
#include "db/Buckets.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace jvpgen;

namespace {
Question plainQuestion() {
  const Trial trial = plainTrial();
  return {trial.problem, trial.device, trial.template_digest, trial.default_digest};
}

/// A candidate with its time beside the default's 100.
Trial measured(int tile_n, double median_us, Verdict verdict) {
  Trial out = plainTrial();
  out.kernels[0].schedule.tile_n = tile_n;
  out.median_us = median_us;
  out.verdict = verdict;
  return out;
}

Trial ofLength(Trial trial, int64_t length) {
  trial.problem.shape.q_length = trial.problem.shape.q_total = length;
  return trial;
}

Trial onGpu(Trial trial, const char *name, int64_t multiprocessors) {
  trial.device.name = name;
  trial.device.multiprocessors = multiprocessors;
  return trial;
}

Winner ask(const std::vector<Trial> &trials) {
  std::vector<RankedTrial> ranked;
  for (const Trial &trial : trials) ranked.push_back({trial, contentId(trial), 0});
  return rank(plainQuestion(), ranked);
}

int tileOf(const Winner &winner) { return winner.kernels.empty() ? 0 : winner.kernels[0].schedule.tile_n; }
} // namespace

TEST(Ranking, NothingKnownIsTheDefault) {
  const Winner winner = ask({});
  EXPECT_EQ(winner.match, Match::Default);
  EXPECT_TRUE(winner.is_default);
}

TEST(Ranking, LeastRatioToTheDefaultOfTheSameRunWins) {
  Trial hot = measured(32, 90, Verdict::Better); // slower in time, on a machine where all is slower
  hot.default_median_us = 200;
  hot.run.back() = '2';
  const Winner winner = ask({measured(96, 80, Verdict::Better), hot});
  EXPECT_EQ(winner.match, Match::Exact);
  EXPECT_FALSE(winner.is_default);
  EXPECT_EQ(tileOf(winner), 32);
  EXPECT_EQ(winner.ratio, 0.45);
  EXPECT_EQ(winner.trial, contentId(hot));
}

TEST(Ranking, MedianOfRepetitionsCounts) {
  Trial lucky = measured(32, 10, Verdict::Better);
  std::vector<Trial> trials = {measured(96, 80, Verdict::Better), lucky};
  for (int k = 2; k < 4; ++k) {
    trials.push_back(measured(32, 94 + k, Verdict::Better));
    trials.back().run.back() = char('0' + k);
  }
  EXPECT_EQ(tileOf(ask(trials)), 96);
}

TEST(Ranking, OnlyMeasuredVerdictsWin) {
  EXPECT_EQ(ask({measured(32, 50, Verdict::None)}).match, Match::Default);
  for (Verdict verdict : {Verdict::Ambiguous, Verdict::Worse}) {
    const Winner winner = ask({measured(32, 50, verdict)});
    EXPECT_EQ(winner.match, Match::Exact);
    EXPECT_TRUE(winner.is_default);
    EXPECT_TRUE(winner.kernels.empty());
  }
  Trial again = measured(32, 99, Verdict::Ambiguous);
  EXPECT_TRUE(ask({measured(32, 50, Verdict::Better), again}).is_default) << "one of two is no majority";
}

TEST(Ranking, WrongFaultyAndEndlessCandidatesAreOut) {
  for (Outcome outcome : {Outcome::Wrong, Outcome::Faulted, Outcome::TimedOut}) {
    Trial bad = measured(32, 50, Verdict::None);
    bad.outcome = outcome;
    bad.reason = "as planted";
    EXPECT_EQ(tileOf(ask({measured(32, 50, Verdict::Better), measured(96, 80, Verdict::Better), bad})), 96);
  }
  Trial heated = measured(32, 50, Verdict::None);
  heated.outcome = Outcome::Throttled;
  heated.reason = "hot";
  EXPECT_EQ(tileOf(ask({measured(32, 50, Verdict::Better), measured(96, 80, Verdict::Better), heated})), 32);
}

TEST(Ranking, OtherTemplatesDefaultsProgramsAndArchsDoNotAnswer) {
  auto refused = [](void (*change)(Trial &)) {
    Trial trial = measured(32, 50, Verdict::Better);
    change(trial);
    return ask({trial}).match == Match::Default;
  };
  EXPECT_FALSE(refused([](Trial &) {}));
  EXPECT_TRUE(refused([](Trial &t) { t.template_digest[0] = '0'; }));
  EXPECT_TRUE(refused([](Trial &t) { t.default_digest[0] = '0'; }));
  EXPECT_TRUE(refused([](Trial &t) { t.problem.program = "backward"; }));
  EXPECT_TRUE(refused([](Trial &t) { t.problem.specification[0] = '0'; }));
  EXPECT_TRUE(refused([](Trial &t) { t.device.arch = "sm_100a"; }));
  EXPECT_TRUE(refused([](Trial &t) { t.problem.shape.q_length = t.problem.shape.q_total = 4096; }));
}

TEST(Ranking, ThisShapeBeforeItsNeighboursBeforeOtherGpus) {
  const Trial exact = measured(32, 95, Verdict::Better), near = ofLength(measured(48, 60, Verdict::Better), 2000),
              far = ofLength(measured(64, 50, Verdict::Better), 1500),
              other = onGpu(measured(80, 40, Verdict::Better), "NVIDIA H100", 114),
              more_alike = onGpu(measured(112, 45, Verdict::Better), "NVIDIA H20", 130);
  struct {
    std::vector<Trial> trials;
    Match match;
    int tile;
  } cases[] = {{{exact, near, far, other}, Match::Exact, 32},
               {{near, far, other}, Match::Neighbour, 48},
               {{far, other}, Match::Neighbour, 64},
               {{other, more_alike}, Match::SameArch, 112},
               {{other, ofLength(more_alike, 2000)}, Match::SameArch, 80}};
  for (auto &[trials, match, tile] : cases) {
    const Winner winner = ask(trials);
    EXPECT_EQ(winner.match, match);
    EXPECT_EQ(tileOf(winner), tile);
  }
}

TEST(Ranking, NeighbourCountsOnlyIfItBeatTheDefault) {
  const Winner winner = ask({ofLength(measured(48, 100, Verdict::Worse), 2000)});
  EXPECT_EQ(winner.match, Match::Neighbour);
  EXPECT_TRUE(winner.is_default);
  EXPECT_EQ(winner.tuned_for.shape.q_length, 2000);
}

TEST(Ranking, OwnMeasurementsOfACandidateStandInPlaceOfShippedOnes) {
  const Trial shipped = measured(32, 50, Verdict::Better), own = measured(32, 105, Verdict::Worse),
              second = measured(96, 80, Verdict::Better);
  EXPECT_EQ(tileOf(rank(plainQuestion(), {{shipped, "1", 1}, {second, "2", 1}})), 32);
  EXPECT_EQ(tileOf(rank(plainQuestion(), {{shipped, "1", 1}, {second, "2", 1}, {own, "3", 0}})), 96);
  EXPECT_EQ(tileOf(rank(plainQuestion(), {{own, "3", 0}, {shipped, "1", 1}, {second, "2", 1}})), 96);
}

TEST(Ranking, OrderOfTrialsDoesNotMatter) {
  std::mt19937 random(1);
  int tuned = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<Trial> trials = randomTrials(random, 30);
    const Winner first = ask(trials);
    tuned += !first.is_default;
    std::shuffle(trials.begin(), trials.end(), random);
    const Winner second = ask(trials);
    EXPECT_EQ(first.match, second.match);
    EXPECT_EQ(first.kernels, second.kernels);
    EXPECT_EQ(first.trial, second.trial);
  }
  EXPECT_GT(tuned, 20);
}
