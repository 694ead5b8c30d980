// Blocks whose keys are divided among several: each leaves what it has summed up, and a second kernel joins the parts.
#pragma once

#include "hopper_sweep.cuh"

// Sums of parts add up once they are relative to the same. Weights are exp2(scale (score - reference)), times 2^room
// where there is room, and a score's tangent is summed as its difference to the row's centre. For a part with reference
// m', room k' and centre c',
//   sum = exp2(scale (m' - m)) 2^(k - k') (sum' + (c' - c) base')
// where base' is the sum's derivative by minus the centre: another of the part's sums. Which one that is, the policy
// says.

/// What each thread of the consumers leaves of a part: numbers at equal distances, so that a warp's lie side by side.
template <int Threads> struct PartNumbers {
  float *first;
  DEV void put(int at, float x) const { first[at * Threads] = x; }
  DEV float get(int at) const { return first[at * Threads]; }
};

/// Which blocks are divided, in the form of a Tensor (Launch in runtime/abi/KernelBundle.h).
struct Division {
  float *partials;
  i64 whole, parts, unused[2];

  /// The thread's numbers of a part of a divided block: parts are counted block by block, then part by part.
  template <class Policy> DEV auto numbers(int part) const {
    constexpr int threads = 4 * kWarp * HopperPlacement<Policy>::consumers;
    const i64 before = part * i64(Policy::partial_numbers * threads);
    return PartNumbers<threads>{partials + before + thread_index()};
  }
};
static_assert(sizeof(Division) == sizeof(Tensor));

// ---- what a thread leaves ----

template <int M, class Numbers> DEV void save_rows(const Numbers &to, int at, const float (&x)[2 * M]) {
#pragma unroll
  for (int r = 0; r < 2 * M; ++r) to.put(at + r, x[r]);
}
template <int M, class Numbers> DEV void save_rows(const Numbers &to, int at, const bool (&x)[2 * M]) {
#pragma unroll
  for (int r = 0; r < 2 * M; ++r) to.put(at + r, x[r] ? 1.f : 0.f);
}
template <class Numbers, int F> DEV void save_tile(const Numbers &to, int at, const Tile<1, F> &x) {
#pragma unroll
  for (int n = 0; n < F / 8; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) to.put(at + 4 * n + e, x.x[0][n][e]);
}

// ---- how it is joined ----

/// The greater reference becomes both's; what sums must then be multiplied by.
template <int M, class Numbers>
DEV void join_reference(float (&reference)[2 * M], float (&mine)[2 * M], float (&theirs)[2 * M], const Numbers &other,
                        int at, float scale) {
#pragma unroll
  for (int r = 0; r < 2 * M; ++r) {
    const float x = other.get(at + r), next = greatest(reference[r], x);
    mine[r] = reference[r] == next ? 1.f : exp2_fast(scale * (reference[r] - next));
    theirs[r] = x == next ? 1.f : exp2_fast(scale * (x - next));
    reference[r] = next;
  }
}
/// The lesser room becomes both's.
template <int M, class Numbers>
DEV void join_room(float (&room)[2 * M], float (&mine)[2 * M], float (&theirs)[2 * M], const Numbers &other, int at) {
#pragma unroll
  for (int r = 0; r < 2 * M; ++r) {
    const float x = other.get(at + r), next = least(room[r], x);
    mine[r] *= exp2_fast(next - room[r]);
    theirs[r] *= exp2_fast(next - x);
    room[r] = next;
  }
}
/// The other part's centre becomes this one's; its difference, times what the other's sums are multiplied by. A part
/// without a centre has met no key.
template <int M, class Numbers>
DEV void join_centre(float (&centre)[2 * M], bool (&is_set)[2 * M], float (&moved)[2 * M], const float (&theirs)[2 * M],
                     const Numbers &other, int at) {
#pragma unroll
  for (int r = 0; r < 2 * M; ++r) {
    const float x = other.get(at + r);
    const bool has = other.get(at + 2 * M + r) != 0.f;
    if (has && !is_set[r]) centre[r] = x, is_set[r] = true;
    moved[r] = has ? theirs[r] * (x - centre[r]) : 0.f;
  }
}
/// sum += coefficient factor other's sum
template <int M, class Numbers>
DEV void join_rows(float (&sum)[2 * M], const Numbers &other, int at, const float (&factor)[2 * M],
                   float coefficient = 1.f) {
#pragma unroll
  for (int r = 0; r < 2 * M; ++r) sum[r] += coefficient * factor[r] * other.get(at + r);
}
template <class Numbers, int F>
DEV void join_tile(Tile<1, F> &sum, const Numbers &other, int at, const float (&factor)[2], float coefficient = 1.f) {
#pragma unroll
  for (int n = 0; n < F / 8; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) sum.x[0][n][e] += coefficient * factor[e / 2] * other.get(at + 4 * n + e);
}

/// The kernel that joins: a block for each block of rows that was divided, its threads those that multiplied there.
template <class Policy> struct HopperJoin {
  using Block = HopperBlock<Policy>;

  DEV static void run(const typename Policy::Args &args) {
    const Division &division = args.division;
    const Block block(args, int(division.whole) + block_index());
    typename Policy::State state;
    state.clear();
    state.enter(args, block.own, block.own.sequence);
    const int divided = Block::undivided(args) - int(division.whole);
    for (int part = 0; part < int(division.parts); ++part)
      state.join(division.template numbers<Policy>(part * divided + block_index()));
    state.leave(args, block.own);
  }
};
