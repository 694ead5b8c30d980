#include "schedule/Warpgroups.h"

#include <algorithm>
#include <string>

using namespace jvpgen;

// A consumer's thread has 240 registers. Accumulators, scores and packed weights may take these many of them; the
// default leaves some to the statistics of rows.
static constexpr int kRegisterBudget = 216, kRegisterDefault = 200;
static constexpr int kOwnRows = 128, kWarps = 12, kLongestTile = 128, kShortestTile = 32, kMostSlots = 10;
// A product of scores takes max(N / 2, 16 + N / 4) clocks: shorter tiles than this wait for their left operand's
// shared memory for longer than the product takes.
static constexpr int kShortestGoodTile = 48;
static constexpr int kMostParts = 4, kMultiplying = 2, kPackedBytes = 2, kDrawSlots = 2;
static constexpr int kAlignment = 1024;

static int keySlots(const Schedule &s) { return (s.stages + 1) / 2; }
static int valueSlots(const Schedule &s) { return s.stages / 2; }

/// rows * features * bytes, up to the next multiple of the alignment
static int slotBytes(const ResourceModel &m, int rows, int features) {
  return (rows * features * m.element_bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// Of tiles that are loaded beside keys and values: each row has slots for its own.
static int loadSlots(const ResourceModel &m, const Schedule &s) {
  return m.fetched_tiles + m.streamed_numbers == 0 ? 0 : valueSlots(s) == 1 ? 2 : 1;
}

int jvpgen::warpgroupSharedBytes(const ResourceModel &m, const Schedule &s) {
  auto barriersOf = [](int slots) { return 2 * (slots == 1 ? kMostParts : slots); }; // of a single slot's operands
  const int barriers =
      2 + barriersOf(keySlots(s)) + barriersOf(valueSlots(s)) + 2 * kMultiplying * loadSlots(m, s) + 2 * kDrawSlots;
  return kAlignment + s.tile_m * m.own_features * m.element_bytes +
         keySlots(s) * slotBytes(m, s.tile_n, m.key_features) +
         valueSlots(s) * slotBytes(m, s.tile_n, m.streamed_features - m.key_features) +
         loadSlots(m, s) * s.tile_n *
             (s.tile_m * kPackedBytes * m.fetched_tiles + kMultiplying * 4 * m.streamed_numbers) +
         8 * barriers + 4 * kDrawSlots;
}

/// The most that is alive at once: outputs and packed weights beside the next tile's first scores, or all scores. A
/// tile of 64 rows of a warpgroup takes half a register a column, packed a quarter.
static int liveRegisters(const ResourceModel &m, const Schedule &s) {
  const int under_way = m.early_scores * s.tile_n / 2 + m.packed_tiles * s.tile_n / 4;
  const int landed = m.score_tiles * s.tile_n / 2;
  return m.mask_registers + m.output_features / 2 + std::max(under_way, landed);
}

Result<void> jvpgen::warpgroupLegal(const ResourceModel &m, const Schedule &s, int shared_limit) {
  auto refuse = [](const std::string &asked, const std::string &obstacle, const std::string &remedy) {
    return fail(ErrorKind::Unsupported, asked + " was asked for; " + obstacle + "; " + remedy + ".");
  };
  if (s.warps != kWarps)
    return refuse("warps = " + std::to_string(s.warps), "a block has one warpgroup that copies and two that multiply",
                  "take warps = " + std::to_string(kWarps));
  if (s.tile_m != kOwnRows)
    return refuse("tile_m = " + std::to_string(s.tile_m), "each of two warpgroups owns 64 rows",
                  "take tile_m = " + std::to_string(kOwnRows));
  if (s.tile_n % 16 || s.tile_n < kShortestTile || s.tile_n > 256)
    return refuse("tile_n = " + std::to_string(s.tile_n), "a tile has a multiple of 16 rows from 32 to 256",
                  "take tile_n = 64");
  if (s.stages < 2 || s.stages > 2 * kMostSlots)
    return refuse("stages = " + std::to_string(s.stages), "keys and values have a slot each at least",
                  "take stages = 4");
  if (const int bytes = warpgroupSharedBytes(m, s); bytes > shared_limit)
    return refuse("tile_n = " + std::to_string(s.tile_n) + " with " + std::to_string(s.stages) + " slots",
                  "it needs " + std::to_string(bytes) + " bytes of shared memory, and a block has " +
                      std::to_string(shared_limit),
                  "take fewer slots or a smaller tile_n");
  if (const int live = liveRegisters(m, s); live > kRegisterBudget)
    return refuse("tile_n = " + std::to_string(s.tile_n),
                  "it keeps " + std::to_string(live) + " registers in each thread, and there is room for " +
                      std::to_string(kRegisterBudget),
                  "take a smaller tile_n");
  return {};
}

/// The longest tile with two slots for keys and values each; where none of at least 48 keys has room for them, with a
/// single slot for values, and then for keys too.
Schedule jvpgen::warpgroupSchedule(const ResourceModel &m, int shared_limit) {
  auto fits = [&](const Schedule &s) {
    return (liveRegisters(m, s) <= kRegisterDefault || s.tile_n == kShortestTile) && warpgroupLegal(m, s, shared_limit);
  };
  Schedule s = {kOwnRows, kShortestTile, kWarps, 2};
  for (const auto &[shortest, slots] : {std::pair(kShortestGoodTile, 4),
                                        {kShortestGoodTile, 3},
                                        {kShortestGoodTile, 2},
                                        {kShortestTile, 4},
                                        {kShortestTile, 3},
                                        {kShortestTile, 2}})
    for (int rows = kLongestTile; rows >= shortest; rows -= 16)
      if (Schedule candidate = {kOwnRows, rows, kWarps, slots}; fits(candidate)) {
        for (s = candidate; candidate.stages < kMostSlots && warpgroupLegal(m, candidate, shared_limit);
             ++candidate.stages)
          s = candidate;
        return s;
      }
  return s;
}

std::vector<Schedule> jvpgen::warpgroupSchedules(const ResourceModel &m, int shared_limit) {
  const Schedule best = warpgroupSchedule(m, shared_limit);
  std::vector<Schedule> out = {best};
  auto add = [&](int rows) {
    bool hasTwoSlots = false; // of keys and of values
    for (int stages : {best.stages, 8, 6, 5, 4, 3, 2})
      if (Schedule s = {kOwnRows, rows, kWarps, stages};
          (stages >= 4 || !hasTwoSlots) && warpgroupLegal(m, s, shared_limit)) {
        hasTwoSlots |= stages >= 4;
        if (std::find(out.begin(), out.end(), s) == out.end()) out.push_back(s);
      }
  };
  for (int rows = best.tile_n - 16; rows >= kShortestTile; rows -= 16) add(rows);
  for (int rows = best.tile_n; rows <= kLongestTile + 32; rows += 16) add(rows);
  return out;
}
