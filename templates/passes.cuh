// The small kernels around the sweeps: statistics of rows before them, sums of what they left after them.
#pragma once

#include "memory.cuh"
#include "tiles.cuh"

/// What a block of a pass stands at; an index that its result lacks is 0.
struct Point {
  int b, n, r, i, j;
};

/// Splits the fastest index, of the given extent, off a number.
DEV int take_index(int &number, i64 extent) {
  const int x = int(number % extent);
  number = int(number / extent);
  return x;
}
DEV i64 groups_of(int rows, i64 length) { return (length + rows - 1) / rows; }

/// The block's point, its last axis (i or j) at the first of `rows` places; `owners` are letters of "bnrij".
template <class Policy> DEV Point block_point(const Problem &p, int rows) {
  int block = block_index();
  Point at{};
  if (Policy::has_j) at.j = take_index(block, groups_of(rows, p.kv_length)) * rows;
  if (Policy::has_i)
    at.i = Policy::has_j ? take_index(block, p.q_length) : take_index(block, groups_of(rows, p.q_length)) * rows;
  if (Policy::has_r) at.r = take_index(block, p.heads / p.kv_heads);
  if (Policy::has_n) at.n = take_index(block, p.kv_heads);
  if (Policy::has_b) at.b = take_index(block, p.batch);
  return at;
}

template <class Policy> DEV Sequence sequence_at(const typename Policy::Args &args, const Point &at) {
  Sequence s;
  s.b = at.b, s.n = at.n, s.h = int(at.n * (args.problem.heads / args.problem.kv_heads) + at.r);
  Policy::measure(args, s);
  return s;
}

/// A row or column vector, one warp a row: sums over features lane by lane.
template <class Policy> DEV void row_pass(const typename Policy::Args &args) {
  constexpr int rows = 64;
  const Point at = block_point<Policy>(args.problem, rows);
  const Sequence s = sequence_at<Policy>(args, at);
  const int first = Policy::has_j ? at.j : at.i, length = Policy::has_j ? s.kv_length : s.q_length;
  for (int row = thread_index() / kWarp; row < rows && first + row < length; row += Policy::warps)
    Policy::compute(args, s, first + row);
}

/// The mask over boxes: a block has the boxes of kBoxQueries queries, a lane one key of a box at a time, of which it
/// asks for many queries at once.
template <class Policy> DEV void box_pass(const typename Policy::Args &args) {
  const Point at = block_point<Policy>(args.problem, kBoxQueries);
  const Sequence s = sequence_at<Policy>(args, at);
  const int end = at.i + kBoxQueries < s.q_length ? at.i + kBoxQueries : s.q_length;
  for (int first = kWarp * (thread_index() / kWarp); first < args.problem.kv_length; first += kWarp * Policy::warps) {
    const int j = first + thread_index() % kWarp;
    float kept = 0.f, dropped = 0.f;
    constexpr int together = 16;
    for (int i = at.i; j < s.kv_length && i < end; i += together) {
      bool keeps[together];
#pragma unroll
      for (int k = 0; k < together; ++k) keeps[k] = Policy::keep(args, s, i + k < end ? i + k : end - 1, j);
#pragma unroll
      for (int k = 0; k < together; ++k) (keeps[k] ? kept : dropped) = 1.f;
    }
#pragma unroll
    for (int mask = kBoxKeys / 2; mask; mask /= 2) {
      kept = greatest(kept, shuffle_xor(kept, mask));
      dropped = greatest(dropped, shuffle_xor(dropped, mask));
    }
    if (j % kBoxKeys == 0 && j < args.problem.kv_length)
      *Policy::box(args, s, at.i, j) = static_cast<signed char>((kept > 0.f ? 1 : 0) | (dropped > 0.f ? 2 : 0));
  }
}

/// The sum over the block in the same order always.
template <int Warps> DEV float block_sum(float x) {
  const SharedAddress sums = shared_base();
  x = warp_sum(x);
  barrier();
  if (thread_index() % kWarp == 0) store_shared(sums + 4 * (thread_index() / kWarp), x);
  barrier();
  float total = 0.f;
#pragma unroll
  for (int warp = 0; warp < Warps; ++warp) total += load_shared(sums + 4 * warp);
  return total;
}

/// An output that the sweeps' sums are added up for: one thread an element along i or j, or a whole block an element.
template <class Policy> DEV void sum_pass(const typename Policy::Args &args) {
  constexpr bool alone = Policy::has_i || Policy::has_j;
  Point at = block_point<Policy>(args.problem, kWarp * Policy::warps);
  if constexpr (alone) {
    (Policy::has_j ? at.j : at.i) += thread_index();
    if ((Policy::has_j && at.j >= args.problem.kv_length) || (Policy::has_i && at.i >= args.problem.q_length)) return;
  }
  const Sequence s = sequence_at<Policy>(args, at);
  if (Policy::rows_follow && ((Policy::has_j && at.j >= s.kv_length) || (Policy::has_i && at.i >= s.q_length))) return;
  const float value = Policy::compute(args, at);
  if (alone || thread_index() == 0) Policy::store(args, s, at, value);
}

/// Terms first, first + stride, ... of a sum are this thread's.
template <class Policy> DEV int first_term() { return Policy::has_i || Policy::has_j ? 0 : thread_index(); }
template <class Policy> DEV int term_stride() { return Policy::has_i || Policy::has_j ? 1 : kWarp * Policy::warps; }
template <class Policy> DEV float end_sum(float x) {
  if constexpr (Policy::has_i || Policy::has_j)
    return x;
  else
    return block_sum<Policy::warps>(x);
}
