// Which blocks of rows a block of threads takes, and which tiles each of these meets.
#pragma once

#include "hopper_tiles.cuh"

/// A block of rows, and what they meet: all tiles, or those of a part of the keys.
template <class Policy> struct HopperBlock {
  using Args = typename Policy::Args;
  using Place = HopperPlacement<Policy>;
  const Args &args;
  Owner<Policy> own;
  int parts = 1;
  int first_tile, tiles; ///< from .. to

  /// Blocks of one head follow one another. With a mask the last rows tend to meet most tiles: they start first, in
  /// groups of four heads, whose keys then stay in the cache together; so does what these heads read for each query and
  /// key, where batches have it in common.
  DEV HopperBlock(const Args &args, int index) : args(args) {
    const Problem &p = args.problem;
    const int heads = int(p.heads), batches = int(p.batch), all = heads * batches;
    const int blocks = blocks_of_head(p);
    int part = 0;
    if constexpr (Policy::divides)
      if (const int beyond = index - int(args.division.whole); beyond >= 0) {
        const int divided = undivided(args) - int(args.division.whole);
        parts = int(args.division.parts), part = beyond / divided, index -= part * divided;
      }
    int head = index / blocks, block = index % blocks;
    if constexpr (Policy::masked || Policy::loads) {
      constexpr int together = 4;
      const int group = index / (together * blocks), rest = index % (together * blocks);
      const int size = all - together * group < together ? all - together * group : together;
      head = together * group + rest % size, block = blocks - 1 - rest / size;
    }
    Sequence &s = own.sequence;
    if constexpr (Policy::loads_for_all_batches)
      s.b = head % batches, s.h = head / batches;
    else
      s.b = head / heads, s.h = head % heads;
    s.n = s.h / (heads / int(p.kv_heads));
    Policy::measure(args, s);
    own.first = block * Place::own_rows;
    own.length = s.q_length;
    own.bound = Policy::layout == Layout::packed ? own.length : int(p.q_length);
    tiles = own.first < own.length ? (s.kv_length + Policy::N - 1) / Policy::N : 0;
    first_tile = 0;
    if constexpr (Policy::divides) first_tile = tiles * part / parts, tiles = tiles * (part + 1) / parts;
  }
  static DEV int blocks_of_head(const Problem &p) { return int((p.q_length + Place::own_rows - 1) / Place::own_rows); }
  static DEV int undivided(const Args &args) {
    return int(args.problem.batch * args.problem.heads) * blocks_of_head(args.problem);
  }
  /// How many there are for the blocks of threads to take.
  static DEV int count(const Args &args) {
    const int blocks = undivided(args);
    if constexpr (Policy::divides) {
      const int whole = int(args.division.whole);
      return whole + (blocks - whole) * int(args.division.parts);
    }
    return blocks;
  }

  DEV int last_row() const {
    const int end = own.first + Place::own_rows;
    return (end < own.length ? end : own.length) - 1;
  }
  DEV bool may_keep(int step) const {
    const Sequence &s = own.sequence;
    const int first = step * Policy::N, end = first + Policy::N;
    return step < tiles &&
           Policy::may_keep(args, s, own.first, last_row(), first, (end < s.kv_length ? end : s.kv_length) - 1);
  }
  DEV bool may_drop(int step) const {
    const Sequence &s = own.sequence;
    const int first = step * Policy::N, last = first + Policy::N - 1;
    return last >= s.kv_length || (Policy::checks_own_rows && own.first + Place::own_rows > own.length) ||
           Policy::may_drop(args, s, own.first, last_row(), first, last);
  }

  /// The entries of a partial tile that count.
  DEV void find_kept(Keep<1, Policy::N> &keep, const Streamed<Policy> &tile) const {
    if constexpr (Policy::keeps_ranges)
      find_ranges(keep, tile);
    else
      find_entries(keep, tile);
  }

private:
  /// Row by row: the thread's columns 8 n + c of a range are those of n from .. to.
  DEV void find_ranges(Keep<1, Policy::N> &keep, const Streamed<Policy> &tile) const {
    const Sequence &s = own.sequence;
    keep.none();
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int i = own.row(r);
      KeyRange keys = {0, i < own.length ? s.kv_length : 0};
      Policy::bound_keys(args, s, i, keys);
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        const int from = groups_below(keys.begin - tile.column(0, c)), to = groups_below(keys.end - tile.column(0, c));
#pragma unroll
        for (int w = 0; w < (Policy::N / 8 + 7) / 8; ++w)
          keep.bits[0][w] |= low_groups(to - 8 * w) & ~low_groups(from - 8 * w) & 0x11111111u << (2 * r + c);
      }
    }
  }
  /// How many of the columns 0, 8, 16, .. are less than a number.
  static DEV int groups_below(int column) { return column > 0 ? (column + 7) / 8 : 0; }
  /// Four bits for each of so many groups, all of eight at most.
  static DEV u32 low_groups(int groups) {
    return groups <= 0 ? 0u : groups >= 8 ? 0xffffffffu : (1u << 4 * groups) - 1u;
  }
  DEV void find_entries(Keep<1, Policy::N> &keep, const Streamed<Policy> &tile) const {
    const Sequence &s = own.sequence;
    keep.none();
#pragma unroll
    for (int start = 0; start < Policy::N / 8; start += 8)
#pragma unroll 1
      for (int n = start; n < start + 8 && n < Policy::N / 8; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int i = own.row(e / 2), j = tile.column(n, e);
          const bool kept = j < s.kv_length && i < own.length && Policy::keep(args, s, i, j);
          keep.bits[0][start / 8] |= u32(kept) << (4 * (n - start) + e);
        }
  }
};

/// The tiles that are not empty, in order. Every warp walks the list by itself: each lane judges one of 32 tiles.
template <class Policy> struct Steps {
  static constexpr int kNone = -1;
  const HopperBlock<Policy> &block;
  int at;     ///< the tile that next() gave last
  int judged; ///< tiles below are behind, or among the 32 bits
  u32 kept = 0, partly_dropped = 0;

  DEV explicit Steps(const HopperBlock<Policy> &block)
      : block(block), at(block.first_tile - 1), judged(block.first_tile) {}

  DEV int next() {
    if constexpr (Policy::masked) {
      while (!kept) {
        if (judged >= block.tiles) return kNone;
        judge();
        judged += kWarp;
      }
      at = judged - kWarp + lowest_bit(kept);
      kept &= kept - 1;
      return at;
    } else
      return ++at < block.tiles ? at : kNone;
  }
  /// The next 32 tiles: one a lane, or, where the mask's classifier itself takes a whole warp, one after the other.
  DEV void judge() {
    if constexpr (Policy::judges_together) {
      partly_dropped = 0;
      for (int i = 0; i < kWarp && judged + i < block.tiles; ++i) {
        kept |= u32(block.may_keep(judged + i)) << i;
        partly_dropped |= u32(block.may_drop(judged + i)) << i;
      }
    } else {
      const int mine = judged + thread_index() % kWarp;
      kept = warp_ballot(block.may_keep(mine));
      partly_dropped = warp_ballot(block.may_drop(mine));
    }
  }
  /// Whether some entry of the tile that next() gave last does not count.
  DEV bool partial() const {
    if constexpr (!Policy::masked) return block.may_drop(at);
    return partly_dropped >> (at - (judged - kWarp)) & 1u;
  }
};

/// The blocks of rows that a block of threads takes one after the other. With a grid of as many as there are blocks of
/// rows it takes one; with fewer, the copies of the next one's tiles are under way while this one's outputs are stored:
/// blocks that last equally long lie at equal distances, others are drawn as multiprocessors become free.
template <class Policy> struct Walk {
  int at = block_index();
  bool goes_on = true;
  Ring<HopperPlacement<Policy>::draw_slots> draws; ///< through which the warp that copies tells the others

  DEV bool ends(const typename Policy::Args &args) const {
    return Policy::walks || Policy::draws ? at >= HopperBlock<Policy>::count(args) : !goes_on;
  }
  DEV void next() { Policy::walks ? void(at += grid_size()) : void(goes_on = false); }
};
