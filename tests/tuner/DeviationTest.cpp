// How far numbers are from the truth.
#include "tuner/Deviation.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

using namespace jvpgen::tuner;

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();

Deviation of(const std::vector<double> &x, const std::vector<double> &truth, const RowShape &rows = {2, false},
             double scale = 0) {
  return measure(x, truth, rows, scale);
}
} // namespace

TEST(Deviation, IsOfTheWholeAndOfTheWorstRow) {
  const Deviation found = of({3, 4, 0.3, 0.5}, {3, 4, 0.3, 0.4});
  EXPECT_NEAR(found.whole, 0.1 / std::sqrt(25.25), 1e-12);
  EXPECT_NEAR(found.row, 0.1 / (0.25 * std::sqrt(25.25 / 2)), 1e-12); // beside a quarter of the typical row
  EXPECT_EQ(found.complaint, "");
}

TEST(Deviation, RowsOfZeroAreNotTypical) { EXPECT_NEAR(of({1, 0, 0.1, 0}, {1, 0, 0, 0}).row, 0.1 / 0.25, 1e-12); }

TEST(Deviation, WhatIsLeftOfCancellingSumsIsNoNumber) {
  EXPECT_LT(of({1e-12, -1e-12, 0, 0}, {1e-16, 1e-16, 0, 0}).whole, 1e-5);
  EXPECT_GT(of({1e-3, 0, 0, 0}, {0, 0, 0, 0}).whole, 1);
  EXPECT_GT(of({1e-3, 0, 0, 0}, {0, 0, 0, 0}).row, 1);
}

TEST(Deviation, OfSumsIsBesideTheirScale) {
  const Deviation found = of({1, 2.5}, {1, 2}, {1, true}, 10);
  EXPECT_EQ(found.whole, 0.05);
  EXPECT_EQ(found.row, 0.05);
}

TEST(Deviation, InfinitiesHaveToBeTheSame) {
  EXPECT_EQ(of({-kInfinity, 1}, {-kInfinity, 1}).complaint, "");
  for (double x : {kInfinity, 0.0, kNan}) EXPECT_NE(of({x, 1}, {-kInfinity, 1}).complaint, "");
  for (double x : {kInfinity, kNan}) EXPECT_NE(of({x, 1}, {1, 1}).complaint, "");
}
