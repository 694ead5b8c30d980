#include "schedule/Legality.h"

#include "schedule/Warpgroups.h"

#include <algorithm>
#include <cstdlib>
#include <map>

using namespace jvpgen;

// A thread has 255 registers. What `liveRegisters` counts may take these many of them; addresses, fragments and loop
// state take the others. Row sweeps keep row statistics and weights besides; products of float32 operands keep two
// parts of each fragment.
static constexpr int kColumnBudget = 216, kRowBudget = 176;
static constexpr int kFloatColumnBudget = 160, kFloatRowBudget = 112;
// With fewer than 8 warps each thread copies more of a tile.
static constexpr int kCopyRegisters = 4;
static constexpr int kSmallestTile = 16;
// Of a further tile of weights, what is free when scores become weights.
static constexpr int kFreeForWeights = 12;
// Streamed rows of the default: of kernels with one tile of weights, which leave room for what they compute, and of
// others. A product of float32 operands is three: with more rows, kernels take seconds to compile.
static constexpr int kLongestPlainTile = 96, kLongestTile = 64, kLongestFloatTile = 48;
// A column sweep of so many scores and with so many registers counted does not fit at ptxas's first go.
static constexpr int kManyScores = 4, kCrowdedColumns = 200;
// A pre- or post-pass adds up a number a warp.
static constexpr int kPassBytes = 128;
static constexpr int kPassWarps = 8;

/// Dynamic shared memory that one block can ask for; of the arch, where the device is not known (CUDA C++ Programming
/// Guide, technical specifications per compute capability). What is not in the table has at least the least of it.
static int sharedLimit(const Target &target) {
  if (target.shared_bytes_per_block > 0) return target.shared_bytes_per_block;
  static const std::map<int, int> kib = {{80, 163},  {86, 99},   {87, 163},  {89, 99},  {90, 227}, {100, 227},
                                         {101, 227}, {103, 227}, {110, 227}, {120, 99}, {121, 99}};
  auto it = kib.find(std::atoi(target.arch.c_str() + std::min<size_t>(3, target.arch.size())));
  return 1024 * (it == kib.end() ? 99 : it->second);
}

static int ownedRows(const ResourceModel &m, const Schedule &s) { return m.owns_queries ? s.tile_m : s.tile_n; }
static int streamedRows(const ResourceModel &m, const Schedule &s) { return m.owns_queries ? s.tile_n : s.tile_m; }
static const char *ownedName(const ResourceModel &m) { return m.owns_queries ? "tile_m" : "tile_n"; }
static const char *streamedName(const ResourceModel &m) { return m.owns_queries ? "tile_n" : "tile_m"; }

/// owned rows * own features * bytes + stages * streamed rows * (streamed features * bytes + 4 statistics)
int jvpgen::sharedBytes(const ResourceModel &m, const Schedule &s) {
  if (!m.is_sweep) return kPassBytes;
  if (m.warpgroups) return warpgroupSharedBytes(m, s);
  return ownedRows(m, s) * m.own_features * m.element_bytes +
         s.stages * streamedRows(m, s) * (m.streamed_features * m.element_bytes + 4 * m.streamed_numbers);
}

/// Of each thread, for 16 owned rows of a warp: half a register a column of a float32 tile, a quarter a column of a
/// 16-bit one, a quarter a streamed row for every two of its statistics. A row sweep's second weights wait beside its
/// scores until both are there.
static int liveRegisters(const ResourceModel &m, const Schedule &s) {
  const int groups = ownedRows(m, s) / (16 * s.warps), streamed = streamedRows(m, s);
  const int further = m.owns_queries && m.element_bytes == 2 ? std::max(0, m.packed_tiles - 1) : 0;
  const int waiting = further * std::max(0, streamed / 2 - kFreeForWeights);
  return waiting + groups * (m.output_features / 2 + m.score_tiles * streamed / 2 + m.fetched_tiles * streamed / 4) +
         m.streamed_numbers * streamed / 8 + m.mask_registers;
}

static int registerBudget(const ResourceModel &m, const Schedule &s) {
  if (m.element_bytes == 4) return m.owns_queries ? kFloatRowBudget : kFloatColumnBudget;
  return (m.owns_queries ? kRowBudget : kColumnBudget) - (s.warps < 8 ? kCopyRegisters : 0);
}

bool jvpgen::isCrowded(const ResourceModel &m, const Schedule &s) {
  return m.element_bytes == 4 || (m.is_sweep && !m.warpgroups && !m.owns_queries && m.score_tiles >= kManyScores &&
                                  liveRegisters(m, s) > kCrowdedColumns);
}

bool jvpgen::fitsRegisters(const ResourceModel &m, const Schedule &s) {
  return !m.is_sweep || m.warpgroups || liveRegisters(m, s) <= kColumnBudget;
}

static std::string kib(int bytes) { return std::to_string((bytes + 1023) / 1024) + " KiB"; }

static std::string asked(const char *name, int value) { return std::string(name) + " = " + std::to_string(value); }

Result<void> jvpgen::legal(const ResourceModel &m, const Schedule &s, const Target &target) {
  if (!m.is_sweep) {
    if (s.warps == kPassWarps) return {};
    return fail(ErrorKind::Invalid, asked("warps", s.warps) + " was asked for; a pass before or after the sweeps has " +
                                        std::to_string(kPassWarps) + "; leave its schedule as it is.");
  }
  if (m.warpgroups) return warpgroupLegal(m, s, sharedLimit(target));
  const int own = ownedRows(m, s), streamed = streamedRows(m, s);
  if (s.warps != 2 && s.warps != 4 && s.warps != 8)
    return fail(ErrorKind::Invalid, asked("warps", s.warps) + " was asked for; a block has 2, 4 or 8; try warps = 4.");
  if (s.stages < 2 || s.stages > 4)
    return fail(ErrorKind::Invalid,
                asked("stages", s.stages) + " was asked for; the ring has 2 to 4 slots; try stages = 2.");
  if (own != 16 * s.warps && own != 32 * s.warps)
    return fail(ErrorKind::Invalid, asked(ownedName(m), own) + " was asked for; each of " + std::to_string(s.warps) +
                                        " warps owns 16 or 32 rows; try " + asked(ownedName(m), 16 * s.warps) + ".");
  if (streamed < kSmallestTile || streamed % 16 || streamed > 256)
    return fail(ErrorKind::Invalid, asked(streamedName(m), streamed) +
                                        " was asked for; a streamed tile has a multiple of 16 rows, 256 at most; try " +
                                        asked(streamedName(m), 64) + ".");
  if (const int bytes = sharedBytes(m, s); bytes > sharedLimit(target)) {
    Schedule smaller = s;
    int &rows = m.owns_queries ? smaller.tile_n : smaller.tile_m;
    while (rows > kSmallestTile && sharedBytes(m, smaller) > sharedLimit(target)) rows -= 16;
    const bool helps = sharedBytes(m, smaller) <= sharedLimit(target);
    return fail(ErrorKind::Unsupported, asked(streamedName(m), streamed) + " needs " + kib(bytes) +
                                            " of shared memory; " + target.arch + " has " +
                                            std::to_string(sharedLimit(target) / 1024) + " KiB; try " +
                                            (helps ? std::string(streamedName(m)) + " <= " + std::to_string(rows)
                                                   : std::string("a smaller ") + ownedName(m) + " or fewer stages") +
                                            ".");
  }
  const bool smallest = own == 16 * s.warps && streamed == kSmallestTile;
  if (const int live = liveRegisters(m, s); live > registerBudget(m, s) && !smallest)
    return fail(ErrorKind::Unsupported, asked(streamedName(m), streamed) + " with " + asked(ownedName(m), own) +
                                            " keeps " + std::to_string(live) +
                                            " registers of sums, scores and loads in each thread; there is room for " +
                                            std::to_string(registerBudget(m, s)) + "; try a smaller " +
                                            (streamed > kSmallestTile ? streamedName(m) : ownedName(m)) + ".");
  return {};
}

static Schedule makeSchedule(const ResourceModel &m, int own, int streamed, int warps, int stages) {
  return m.owns_queries ? Schedule{own, streamed, warps, stages} : Schedule{streamed, own, warps, stages};
}

/// Scores of one kind become weights at once. Where a second kind is multiplied by them, what asks the mask at each
/// entry takes the registers that longer tiles would need, as loaded tiles do.
static int longestTile(const ResourceModel &m) {
  if (m.element_bytes == 4) return kLongestFloatTile;
  const bool isPlain =
      m.owns_queries && m.packed_tiles == 1 && m.fetched_tiles == 0 && (m.score_tiles == 1 || !m.masks_entries);
  return isPlain ? kLongestPlainTile : kLongestTile;
}

/// The first that is legal: with 32 rows a warp, which read every streamed fragment once for two products, in blocks of
/// 4 warps; with 16 rows a warp, of 8, 4 or 2 warps. Of each, the most streamed rows; where they are few the next is
/// better.
Schedule jvpgen::defaultSchedule(const ResourceModel &m, const Target &target) {
  if (!m.is_sweep) return {64, 64, kPassWarps, 2};
  if (m.warpgroups) return warpgroupSchedule(m, sharedLimit(target));
  const int longest = longestTile(m);
  struct Shape {
    int warps, rows, shortest; ///< rows a warp; streamed rows at least
  };
  for (const Shape &shape : {Shape{4, 32, 32}, Shape{8, 16, 32}, Shape{4, 16, 16}, Shape{2, 16, 16}}) {
    if (shape.rows == 32 && m.element_bytes == 4) continue; // three products each: they take seconds to compile
    for (int streamed = longest; streamed >= shape.shortest; streamed -= 16)
      if (Schedule s = makeSchedule(m, shape.rows * shape.warps, streamed, shape.warps, 2); legal(m, s, target))
        return s;
  }
  return makeSchedule(m, 32, kSmallestTile, 2, 2);
}

std::vector<Schedule> jvpgen::shorterSchedules(const ResourceModel &m, const Schedule &s, const Target &target) {
  std::vector<Schedule> out;
  if (!m.is_sweep || m.warpgroups) return out;
  for (int streamed = streamedRows(m, s) - 16; streamed >= kSmallestTile; streamed -= 16)
    if (Schedule shorter = makeSchedule(m, ownedRows(m, s), streamed, s.warps, s.stages); legal(m, shorter, target))
      out.push_back(shorter);
  return out;
}

std::vector<Schedule> jvpgen::legalSchedules(const ResourceModel &m, const Target &target) {
  if (m.warpgroups) return warpgroupSchedules(m, sharedLimit(target));
  std::vector<Schedule> out = {defaultSchedule(m, target)};
  if (!m.is_sweep) return out;
  for (int warps : {4, 8, 2})
    for (int groups : {1, 2})
      for (int streamed : {16, 32, 48, 64, 80, 96, 112, 128})
        for (int stages : {2, 3})
          if (Schedule s = makeSchedule(m, 16 * groups * warps, streamed, warps, stages);
              legal(m, s, target) && !(s == out.front()))
            out.push_back(s);
  return out;
}
