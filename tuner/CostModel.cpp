#include "tuner/CostModel.h"

#include "schedule/Legality.h"
#include <algorithm>
#include <cmath>

using namespace jvpgen;
using namespace jvpgen::tuner;

// One multiprocessor per clock: fused multiply-adds of 16-bit products, bytes read from shared memory, bytes that
// arrive from the L2 cache. A step over a tile waits at two barriers or so.
static constexpr double kProducts = 1024, kSharedBytes = 128, kCopiedBytes = 48, kStepClocks = 400;
static constexpr double kJoinSteps = 5; // what parts cost their joining, in steps
static constexpr int kRegisters = 65536, kRegistersPerThread = 200, kLargestShared = 227 * 1024;

static int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / std::max<int64_t>(b, 1); }

/// Blocks that live in one multiprocessor at once: as many as shared memory and registers allow.
static int residentBlocks(const Launch &launch, const Schedule &s, const Target &target) {
  const int shared = target.shared_bytes_per_block > 0 ? target.shared_bytes_per_block : kLargestShared;
  const int byShared = shared / std::max(1, sharedBytes(launch.resources, s));
  const int byRegisters = kRegisters / (32 * s.warps * kRegistersPerThread);
  return std::clamp(std::min(byShared, byRegisters), 1, 8);
}

/// waves * steps * resident * (products beside reads of operands, then what a step costs whatever its size), of blocks
/// that are divided into so many parts each
static double clocksOfParts(const Launch &launch, const Schedule &s, const Target &target, const Problem &problem,
                            int parts) {
  const ResourceModel &m = launch.resources;
  const int own = m.owns_queries ? s.tile_m : s.tile_n, streamed = m.owns_queries ? s.tile_n : s.tile_m;
  const int64_t ownLength = m.owns_queries ? problem.q_length : problem.kv_length,
                streamedLength = m.owns_queries ? problem.kv_length : problem.q_length;
  const int64_t blocks = problem.batch * problem.heads * ceilDivide(ownLength, own) * parts;
  const int resident = residentBlocks(launch, s, target);
  const int64_t waves = ceilDivide(blocks, int64_t(std::max(target.multiprocessors, 1)) * resident);
  const double steps = double(ceilDivide(ceilDivide(streamedLength, streamed), parts)) + (parts > 1 ? kJoinSteps : 0);
  const double products = double(own) * streamed * (m.streamed_features + m.output_features) / kProducts;
  const double tileBytes = double(streamed) * m.streamed_features * m.element_bytes;
  // Each warp reads the streamed tile for its own rows; warpgroups read it once.
  const double reads = tileBytes * (m.warpgroups ? 2 : s.warps) / kSharedBytes, copies = tileBytes / kCopiedBytes;
  const double busyWarps = double(resident) * s.warps, hidden = busyWarps / (busyWarps + 4);
  const double waiting = kStepClocks / resident / std::sqrt(double(std::max(s.stages - 1, 1)));
  return double(waves) * steps * resident * (std::max({products, reads, copies}) / hidden + waiting);
}

double tuner::estimateClocks(const Launch &launch, const Schedule &s, const Target &target, const Problem &problem) {
  if (!launch.resources.is_sweep) return 1;
  auto clocks = [&](int parts) { return clocksOfParts(launch, s, target, problem, parts); };
  if (launch.partial_numbers == 0) return clocks(1);
  return s.splits ? clocks(s.splits) : std::min({clocks(1), clocks(2), clocks(4), clocks(8)});
}
