// What the portable skeleton runs with unless told otherwise, by what a kernel keeps in registers.
#include "schedule/Legality.h"

#include <gtest/gtest.h>

using namespace jvpgen;

namespace {
const Target kAmple = {.arch = "sm_90"};

struct Kept {
  int scores, weights, features; ///< tiles of scores and of weights; features of all sums
  bool owns_queries = true;
};

ResourceModel modelOf(const Kept &kept) {
  ResourceModel model;
  model.own_features = model.streamed_features = 272;
  model.score_tiles = kept.scores;
  model.packed_tiles = kept.weights;
  model.output_features = kept.features;
  model.owns_queries = kept.owns_queries;
  model.streamed_numbers = kept.owns_queries ? 0 : kept.scores;
  model.is_sweep = true;
  return model;
}
} // namespace

TEST(DefaultSchedules, WarpsOwn32RowsWhereRegistersAllow) {
  EXPECT_EQ(defaultSchedule(modelOf({1, 1, 64}), kAmple), (Schedule{128, 96, 4, 2}));         // forward, D = 64
  EXPECT_EQ(defaultSchedule(modelOf({2, 1, 64}), kAmple), (Schedule{128, 48, 4, 2}));         // dq, D = 64
  EXPECT_EQ(defaultSchedule(modelOf({2, 1, 128}), kAmple), (Schedule{128, 96, 8, 2}));        // dq, D = 128
  EXPECT_EQ(defaultSchedule(modelOf({2, 2, 256, false}), kAmple), (Schedule{64, 128, 8, 2})); // dk and dv, D = 128
}

TEST(DefaultSchedules, LongTilesAreForKernelsThatComputeLittleBeside) {
  ResourceModel masked = modelOf({2, 1, 128}), loading = masked;
  masked.masks_entries = true, loading.fetched_tiles = 1;
  EXPECT_EQ(defaultSchedule(masked, kAmple).tile_n, 64);
  EXPECT_EQ(defaultSchedule(loading, kAmple).tile_n, 64);
  EXPECT_EQ(defaultSchedule(modelOf({2, 2, 128}), kAmple).tile_n, 64); // to, D = 64
  EXPECT_EQ(defaultSchedule(modelOf({2, 2, 192}), kAmple).tile_n, 48); // its second weights wait beside the scores
  EXPECT_EQ(defaultSchedule(modelOf({2, 2, 256}), kAmple).tile_n, 32);
  EXPECT_FALSE(legal(modelOf({4, 0, 128}), Schedule{128, 64, 8, 2}, kAmple)); // sums over rows alone: 192 registers
}

TEST(DefaultSchedules, WhatTakesTheirPlaceStreamsFewerRows) {
  const ResourceModel model = modelOf({2, 1, 128});
  const Schedule standard = defaultSchedule(model, kAmple);
  const std::vector<Schedule> shorter = shorterSchedules(model, standard, kAmple);
  ASSERT_EQ(shorter.size(), 5u);
  for (size_t k = 0; k < shorter.size(); ++k) {
    Schedule expected = standard;
    expected.tile_n -= 16 * static_cast<int>(k + 1);
    EXPECT_EQ(shorter[k], expected);
  }
  ResourceModel other = model;
  other.warpgroups = true;
  EXPECT_TRUE(shorterSchedules(other, standard, kAmple).empty());
  other = model;
  other.is_sweep = false;
  EXPECT_TRUE(shorterSchedules(other, defaultSchedule(other, kAmple), kAmple).empty());
}

TEST(DefaultSchedules, CrowdedKernelsAreKnownBeforehand) {
  const ResourceModel four = modelOf({4, 4, 256, false}), two = modelOf({2, 2, 256, false});
  EXPECT_TRUE(isCrowded(four, defaultSchedule(four, kAmple)));
  EXPECT_FALSE(isCrowded(two, defaultSchedule(two, kAmple)));
  ResourceModel floats = two;
  floats.element_bytes = 4;
  EXPECT_TRUE(isCrowded(floats, defaultSchedule(floats, kAmple)));
}
