#include "schedule/Division.h"

#include <algorithm>

using namespace jvpgen;

// In units of the time that one tile takes. Estimates: of 1, 2, 3, 4 and 6 parts they choose the fastest for both
// shapes that were measured on an H200 (bench/results/hopper_few_blocks_h200.json).
static constexpr double kBlock = 3;    // entering and leaving a block
static constexpr double kJoin = 5;     // the launch that joins
static constexpr double kJoinPart = 1; // and what it reads of each part
static constexpr double kWorthwhile = 0.99;
static constexpr int64_t kMostParts = 16, kFewestTiles = 2;

static int64_t ceilDivide(int64_t x, int64_t y) { return (x + y - 1) / y; }

/// Waves of whole blocks, then waves of parts:
///   whole / M (tiles + kBlock) + ceil((blocks - whole) parts / M) (ceil(tiles / parts) + kBlock) + joining
static double timeOf(const DividedGrid &grid, const Division &division) {
  const int64_t divided = grid.blocks - division.whole;
  const double wave = double(ceilDivide(grid.tiles, division.parts)) + kBlock;
  return double(division.whole / grid.multiprocessors) * (double(grid.tiles) + kBlock) +
         double(ceilDivide(divided * division.parts, grid.multiprocessors)) * wave +
         (division.parts > 1 ? kJoin + kJoinPart * double(division.parts) : 0);
}

Division jvpgen::divide(const DividedGrid &grid, int splits) {
  const Division none = {grid.blocks, 1};
  if (grid.blocks == 0 || grid.multiprocessors == 0 || splits == 1) return none;
  // Full waves stay whole. Uneven blocks fill the last wave by themselves, unless there is no other.
  const int64_t whole = grid.blocks / grid.multiprocessors * grid.multiprocessors;
  if (splits > 1) return {whole == grid.blocks ? 0 : whole, splits};
  if (whole == grid.blocks || (whole > 0 && !grid.is_even)) return none;
  Division best = none;
  double least = kWorthwhile * timeOf(grid, {whole, 1});
  for (int64_t parts = 2; parts <= kMostParts && grid.tiles / parts >= kFewestTiles; ++parts)
    if (double time = timeOf(grid, {whole, parts}); time < least) best = {whole, parts}, least = time;
  return best;
}
