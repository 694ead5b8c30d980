#include "tuner/Strategy.h"
#include "tests/tuner/SimulatedTimes.h"
#include "tests/tuner/SmallBundle.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace jvpgen;
using namespace jvpgen::tuner;

namespace {
double usOf(const Candidate &candidate) {
  double out = 0;
  for (const Schedule &schedule : candidate.schedules) out += simulatedUs(schedule);
  return out;
}

class StrategyTest : public testing::Test {
protected:
  explicit StrategyTest(const std::string &program = "forward")
      : space(*SearchSpace::create(bundle, program, smallTarget(), smallProblem())) {}

  /// Candidates in the order in which they are tried, until `enough` says so.
  template <typename Enough>
  std::vector<Candidate> tried(const std::string &name, const Candidate &start, const Enough &enough,
                               uint64_t seed = 1) {
    std::unique_ptr<Strategy> strategy = std::move(*makeStrategy(name, space, record, start, seed));
    std::vector<Candidate> out;
    while (std::optional<Candidate> candidate = strategy->next()) {
      EXPECT_EQ(std::count(out.begin(), out.end(), *candidate), 0) << "given twice";
      out.push_back(*candidate);
      record.put(*candidate, usOf(*candidate) / usOf(space.standard()));
      if (enough(out)) break;
    }
    return out;
  }
  std::vector<Candidate> tried(const std::string &name) {
    return tried(name, space.standard(), [](const auto &) { return false; });
  }

  Candidate worst() const {
    Candidate out = space.standard();
    for (const VariantSpace &variant : space.variants)
      for (const Axis &axis : variant.axes)
        for (const Schedule &schedule : axis.schedules)
          if (const Candidate candidate = replaced(variant.standard, axis, schedule); usOf(candidate) > usOf(out))
            out = candidate;
    return out;
  }

  const KernelBundle bundle = smallBundle();
  SearchSpace space;
  Record record;
};

class TwoVariants : public StrategyTest {
protected:
  TwoVariants() : StrategyTest("backward") {}
};
} // namespace

TEST_F(StrategyTest, ExhaustiveTriesEveryLegalScheduleTheDefaultFirst) {
  const std::vector<Candidate> all = tried("exhaustive");
  const std::vector<Schedule> legal = legalSchedules(bundle.variants[0].launches[0].resources, smallTarget());
  EXPECT_EQ(all.size(), legal.size());
  EXPECT_EQ(all.size(), space.size());
  EXPECT_EQ(all.front(), space.standard());
  for (size_t k = 2; k < all.size(); ++k) EXPECT_LE(space.clocks(all[k - 1]), space.clocks(all[k]));
}

TEST_F(StrategyTest, RandomTriesTheSameInAnotherOrder) {
  std::vector<Candidate> listed = tried("exhaustive");
  record = {};
  std::vector<Candidate> random = tried("random");
  EXPECT_TRUE(std::is_permutation(listed.begin(), listed.end(), random.begin(), random.end()));
  EXPECT_NE(listed, random);
  record = {};
  EXPECT_EQ(random, tried("random")); // the seed decides
  record = {};
  EXPECT_NE(random, tried("random", space.standard(), [](const auto &) { return false; }, 2));
}

TEST_F(StrategyTest, LocalFromTheWorstNeedsAThirdOfAllToComeWithinThreePercent) {
  const std::vector<Candidate> all = tried("exhaustive");
  const double best = usOf(*record.best());
  const Candidate start = worst();
  record = {};
  const std::vector<Candidate> path =
      tried("local", start, [&](const auto &list) { return usOf(list.back()) <= 1.03 * best; });
  EXPECT_EQ(path.front(), start);
  EXPECT_LE(usOf(path.back()), 1.03 * best);
  EXPECT_LE(3 * path.size(), all.size());
}

TEST_F(StrategyTest, LocalLeavesNothingOut) {
  const size_t all = tried("exhaustive").size();
  record = {};
  EXPECT_EQ(tried("local").size(), all);
}

TEST_F(StrategyTest, WhatIsKnownIsNotTried) {
  record.put(space.standard(), 1.0);
  for (const Candidate &candidate : tried("exhaustive")) EXPECT_FALSE(candidate == space.standard());
}

TEST_F(StrategyTest, CandidatesOfNoUseAreNeverTheBest) {
  record.put(space.standard(), std::nullopt);
  EXPECT_EQ(record.best(), nullptr);
  EXPECT_TRUE(record.fastest(3).empty());
}

TEST_F(StrategyTest, OthersAreRefusedByName) {
  EXPECT_FALSE(makeStrategy("clever", space, record, space.standard(), 1));
}

TEST_F(TwoVariants, AxesAreCombined) {
  std::vector<Candidate> all = tried("exhaustive");
  const VariantSpace &two = *space.find("row+col");
  ASSERT_EQ(two.axes.size(), 2u);
  double best[2] = {1e9, 1e9};
  for (int a = 0; a < 2; ++a)
    for (const Schedule &schedule : two.axes[size_t(a)].schedules) best[a] = std::min(best[a], simulatedUs(schedule));
  EXPECT_NEAR(usOf(*record.best("row+col")), best[0] + best[1], 1e-9);
  EXPECT_GT(all.size(), space.size()); // by the combination, which is no point of an axis
}

TEST_F(TwoVariants, LocalLooksAtEveryVariantEarly) {
  const std::vector<Candidate> path = tried("local", worst(), [](const auto &list) { return list.size() == 6; });
  EXPECT_TRUE(std::any_of(path.begin(), path.end(), [](const Candidate &c) { return c.variant == "col"; }));
  EXPECT_TRUE(std::any_of(path.begin(), path.end(), [](const Candidate &c) { return c.variant == "row+col"; }));
}

TEST_F(StrategyTest, TheModelPrefersTilesThatFillTheMachine) {
  // Two blocks in all: longer tiles leave most multiprocessors idle, and cost more than their reads save.
  Problem few = smallProblem();
  few.batch = few.heads = few.kv_heads = 1, few.q_length = 256;
  SearchSpace small = *SearchSpace::create(bundle, "forward", smallTarget(), few);
  EXPECT_LT(small.variants[0].axes[0].schedules[0].tile_m, 128);
}

TEST_F(StrategyTest, BlocksThatCanBeDividedAreTriedInParts) {
  KernelBundle divided = bundle;
  divided.variants[0].launches[0].partial_numbers = 32;
  Problem few = smallProblem();
  few.batch = few.heads = few.kv_heads = 1, few.q_length = 256;
  const SearchSpace more = *SearchSpace::create(divided, "forward", smallTarget(), few);
  EXPECT_GE(more.size(), space.size() + 5);
  Candidate whole = more.standard(), four = more.standard();
  ASSERT_EQ(whole.schedules[0].splits, 0);
  whole.schedules[0].splits = 1, four.schedules[0].splits = 4;
  EXPECT_LT(more.clocks(four), more.clocks(whole)); // few blocks for a hundred multiprocessors
  const SearchSpace full = *SearchSpace::create(divided, "forward", smallTarget(), smallProblem());
  EXPECT_GT(full.clocks(four), full.clocks(whole)); // enough of them as they are
}
