// Which blocks are divided, and into how many parts.
#include "schedule/Division.h"

#include <gtest/gtest.h>

using namespace jvpgen;

static constexpr int64_t kMachine = 132;

TEST(Division, FullWavesStayWhole) {
  EXPECT_EQ(divide({132, 64, kMachine, true}, 0), (Division{132, 1}));
  EXPECT_EQ(divide({1320, 64, kMachine, true}, 0), (Division{1320, 1}));
}

TEST(Division, IdleMultiprocessorsGetParts) {
  EXPECT_EQ(divide({64, 128, kMachine, true}, 0), (Division{0, 2}));
  const Division tail = divide({160, 32, kMachine, true}, 0);
  EXPECT_EQ(tail.whole, 132);
  EXPECT_GT(tail.parts, 2);
  EXPECT_LE((160 - tail.whole) * tail.parts, kMachine);
}

TEST(Division, WhatIsJoinedHasToPay) {
  EXPECT_EQ(divide({131, 64, kMachine, true}, 0).parts, 1) << "nothing idles";
  EXPECT_EQ(divide({96, 4, kMachine, true}, 0).parts, 1) << "a few tiles end before parts are joined";
  EXPECT_EQ(divide({1, 0, kMachine, true}, 0).parts, 1) << "no keys";
  EXPECT_EQ(divide({0, 64, kMachine, true}, 0), (Division{0, 1})) << "no rows";
  EXPECT_EQ(divide({64, 128, 0, true}, 0), (Division{64, 1})) << "a machine of unknown size";
}

TEST(Division, UnevenBlocksFillTheLastWaveThemselves) {
  EXPECT_EQ(divide({160, 32, kMachine, false}, 0).parts, 1);
  EXPECT_GT(divide({20, 128, kMachine, false}, 0).parts, 1) << "unless there is no other wave";
}

TEST(Division, PartsThatAreAskedForAreMade) {
  EXPECT_EQ(divide({64, 128, kMachine, true}, 1), (Division{64, 1}));
  EXPECT_EQ(divide({160, 32, kMachine, true}, 7), (Division{132, 7}));
  EXPECT_EQ(divide({264, 32, kMachine, true}, 3), (Division{0, 3})) << "with no wave begun all are divided";
}
