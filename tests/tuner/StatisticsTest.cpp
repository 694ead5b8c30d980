#include "tuner/Statistics.h"

#include <gtest/gtest.h>

using namespace jvpgen;
using namespace jvpgen::tuner;

TEST(Statistics, QuantilesLieBetweenNeighbours) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(quantile({0, 10}, 0.25), 2.5);
  EXPECT_EQ(spread({1, 2, 3, 4, 5}), 2);
  EXPECT_EQ(median({}), 0);
}

TEST(Statistics, RatiosAreOfNeighboursInTime) {
  // Clocks fall by half in the middle of the run; the ratio stays.
  EXPECT_EQ(median(pairedRatios({9, 9, 18, 18}, {10, 10, 20, 20})), 0.9);
}

TEST(Statistics, BetterIsByMoreThanTheMargin) {
  EXPECT_EQ(judge({98, 98, 98}, {100, 100, 100}, 0.01), Verdict::Better);
  EXPECT_EQ(judge({99.5, 99.5, 99.5}, {100, 100, 100}, 0.01), Verdict::Worse);
  EXPECT_EQ(judge({110, 110, 110}, {100, 100, 100}, 0.01), Verdict::Worse);
}

TEST(Statistics, AmbiguousIsWhatAQuarterSpeaksAgainst) {
  EXPECT_EQ(judge({90, 90, 90, 120, 120}, {100, 100, 100, 100, 100}, 0.01), Verdict::Ambiguous);
  EXPECT_EQ(judge({90, 90, 90, 90, 90, 90, 120}, {100, 100, 100, 100, 100, 100, 100}, 0.01), Verdict::Better);
}

TEST(Statistics, NothingMeasuredIsNoVerdict) { EXPECT_EQ(judge({}, {}, 0.01), Verdict::None); }
