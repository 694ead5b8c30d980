// Tensors as the copy engine takes them, and the schedules of kernels with roles for warpgroups.
#include "runtime/launch/TensorMaps.h"
#include "schedule/Legality.h"

#include <gmock/gmock.h>

using namespace jvpgen;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {
const Problem kProblem{
    .batch = 3, .heads = 6, .kv_heads = 2, .q_length = 65, .kv_length = 33, .q_total = 100, .kv_total = 90};
const Target kHopper{.arch = "sm_90a"};

TensorMapFacts mapOf(const char *indices, const TensorView &view, bool packed = false) {
  return describeMap({"x", "tile_n", 32}, {.tile_m = 128, .tile_n = 96, .warps = 12, .stages = 5},
                     {"x", indices, DType::BF16}, view, kProblem, 96, packed);
}

/// Six products on rows of so many features, as the emitter describes them.
ResourceModel tangentForward(int features) {
  ResourceModel model;
  model.own_features = 2 * features, model.streamed_features = 4 * features, model.key_features = 2 * features;
  model.output_features = 2 * features;
  model.score_tiles = 2, model.packed_tiles = 2, model.early_scores = 1;
  model.warpgroups = model.is_sweep = true;
  return model;
}
} // namespace

TEST(TensorMaps, DescribeTensorsByTheirIndices) {
  void *data = reinterpret_cast<void *>(0x1000);
  TensorMapFacts keys = mapOf("bnjd", {data, DType::BF16, {9600, 4800, 0, 96}});
  EXPECT_THAT(keys.extent, ElementsAre(96, 33, 2, 3));
  EXPECT_THAT(keys.stride_bytes, ElementsAre(192, 9600, 19200));
  EXPECT_EQ(keys.box_rows, 96u);
  EXPECT_EQ(keys.box_features, 32u);
  TensorMapFacts queries = mapOf("bnrid", {data, DType::BF16, {0, 4800, 96, 0}}, /*packed=*/true);
  EXPECT_THAT(queries.extent, ElementsAre(96, 100, 6, 1)) << "packed sequences are one";
  EXPECT_TRUE(checkMap(queries, "x")) << "a stride along one batch does not count";
}

TEST(TensorMaps, RefuseWhatTheCopyEngineCannotRead) {
  auto refusal = [](uintptr_t address, int64_t heads, int64_t rows) {
    TensorMapFacts facts = mapOf("bnjd", {reinterpret_cast<void *>(address), DType::BF16, {9600, heads, 0, rows}});
    Result<void> ok = checkMap(facts, "launching it needs 'x'");
    return ok ? "" : ok.error().message;
  };
  EXPECT_EQ(refusal(0x1000, 4800, 96), "");
  EXPECT_THAT(refusal(0x1008, 4800, 96), HasSubstr("its address is no multiple of 16 bytes"));
  EXPECT_THAT(refusal(0x1000, 4800, 97), HasSubstr("its strides are 194, 9600, 19200 bytes"));
  EXPECT_THAT(refusal(0x1000, 0, 96), HasSubstr("launching it needs 'x'"));
}

TEST(Warpgroups, DefaultSchedulesFillRegistersAndSharedMemory) {
  struct {
    int features, rows, slots;
  } expected[] = {{128, 64, 5}, {96, 96, 4}, {64, 128, 6}};
  for (auto [features, rows, slots] : expected) {
    Schedule s = defaultSchedule(tangentForward(features), kHopper);
    EXPECT_EQ(s, (Schedule{128, rows, 12, slots})) << features;
    EXPECT_LE(sharedBytes(tangentForward(features), s), 227 * 1024);
    EXPECT_TRUE(legal(tangentForward(features), s, kHopper));
  }
}

TEST(Warpgroups, LongRowsTakeSingleSlots) {
  ResourceModel second = tangentForward(256); // the second pass of two has one output
  second.output_features = 256;
  EXPECT_EQ(defaultSchedule(second, kHopper), (Schedule{128, 48, 12, 2}));
  EXPECT_LE(sharedBytes(second, {128, 48, 12, 2}), 227 * 1024);
  for (const Schedule &s : legalSchedules(tangentForward(128), kHopper)) EXPECT_GE(s.stages, 4) << s.tile_n;
}

TEST(Warpgroups, RefusalsSayWhatIsInTheWay) {
  auto refusal = [](int features, const Schedule &s) {
    Result<void> ok = legal(tangentForward(features), s, kHopper);
    return ok ? "" : ok.error().message;
  };
  EXPECT_THAT(refusal(128, {128, 64, 8, 5}), HasSubstr("take warps = 12"));
  EXPECT_THAT(refusal(128, {64, 64, 12, 5}), HasSubstr("take tile_m = 128"));
  EXPECT_THAT(refusal(128, {128, 40, 12, 5}), HasSubstr("a multiple of 16 rows"));
  EXPECT_THAT(refusal(128, {128, 64, 12, 6}), HasSubstr("bytes of shared memory"));
  EXPECT_THAT(refusal(128, {128, 96, 12, 4}), HasSubstr("a smaller tile_n"));
  EXPECT_THAT(refusal(256, defaultSchedule(tangentForward(256), kHopper)), HasSubstr("registers in each thread"));
}

TEST(Warpgroups, OtherSchedulesAreLegalAndAllDifferent) {
  const std::vector<Schedule> all = legalSchedules(tangentForward(64), kHopper);
  EXPECT_EQ(all.front(), defaultSchedule(tangentForward(64), kHopper));
  EXPECT_GT(all.size(), 5u);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(legal(tangentForward(64), all[i], kHopper));
    EXPECT_EQ(std::count(all.begin(), all.end(), all[i]), 1);
  }
}
