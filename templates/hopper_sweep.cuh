// The row sweep of Hopper: one warpgroup copies tiles, the others multiply them. What is done with scores is the
// policy's.
#pragma once

#include "hopper_primitives.cuh"
#include "sweep.cuh"

// Threads 0 .. 127, 128 .. 255 are consumers, each of 64 rows; the last warpgroup is the producer, one thread of which
// issues every copy. Streamed operands of scores ("keys") and of outputs ("values") come in two rings of slots, each
// slot with two barriers: *full* when its tile has come, *empty* when all consumers have read it.
// A policy states what sweep.cuh lists, and
//   key_operands                       the first of the streamed operands are keys, the others values
//   own_map<o>, streamed_map<o>        their tensor maps
//   masked, judges_together            whether some tile may be empty; whether a warp has to judge each tile together
//   late                               whether there are scores that the running maximum does not need
// Its State loads what is given for each query and key (fetch), multiplies in groups (multiply_early, multiply_late,
// multiply_outputs), reads scores when they have landed (meet_early, meet_late) and holds what the output products read
// and write (hold_outputs).

/// Features of a row that lie together: as long as a swizzle reaches. Tiles are stored as [piece][row][feature].
DEV constexpr int piece_of(int features) {
  const int length = (features + 15) / 16 * 16;
  return length % 64 == 0 ? 64 : length % 32 == 0 ? 32 : 16;
}
DEV constexpr int pieces_of(int features) { return (features + 15) / 16 * 16 / piece_of(features); }
/// Bytes from row to row of a piece.
DEV constexpr int piece_pitch(int features) { return 2 * piece_of(features); }
DEV constexpr int tile_bytes(int rows, int features) { return rows * 2 * ((features + 15) / 16 * 16); }

/// Shared memory, from the first multiple of 1024 bytes on: owned tiles, slots of keys, slots of values, barriers.
template <class Policy> struct HopperPlacement {
  static constexpr int consumers = Policy::warps / 4 - 1, own_rows = 64 * consumers, threads = kWarp * Policy::warps;
  static constexpr int key_slots = (Policy::stages + 1) / 2, value_slots = Policy::stages / 2;
  static constexpr int alignment = 1024;
  /// Of each thread; a multiprocessor has 512 for the three warpgroups. Loops over tensors in the mask need some more.
  static constexpr int producer_registers = Policy::judges_together ? 40 : 24,
                       consumer_registers = Policy::judges_together ? 232 : 240;

  static DEV constexpr int own_offset(int operand) { return operand * tile_bytes(own_rows, Policy::own_features(0)); }
  static DEV constexpr int streamed_offset(int operand) {
    const int first = operand < Policy::key_operands ? 0 : Policy::key_operands;
    return (operand - first) * tile_bytes(Policy::N, Policy::streamed_features(operand));
  }
  static DEV constexpr int slot_bytes(int first, int operands) {
    const int bytes = operands * tile_bytes(Policy::N, Policy::streamed_features(first));
    return (bytes + alignment - 1) / alignment * alignment;
  }
  static constexpr int value_operands = Policy::streamed_operands - Policy::key_operands;
  static constexpr int key_bytes = slot_bytes(0, Policy::key_operands),
                       value_bytes = slot_bytes(Policy::key_operands, value_operands);
  static constexpr int keys_at = own_offset(Policy::own_operands), values_at = keys_at + key_slots * key_bytes,
                       barriers_at = values_at + value_slots * value_bytes;
  static constexpr int barriers = 1 + 2 * (key_slots + value_slots);
  static DEV constexpr int shared_bytes() { return alignment + barriers_at + 8 * barriers; }
};

/// A place in a ring of slots, and how often it has gone round.
template <int Slots> struct Ring {
  int slot = 0;
  u32 phase = 0;
  DEV void next() {
    if (++slot == Slots) slot = 0, phase ^= 1;
  }
};

/// Addresses of the barriers.
template <class Policy> struct Barriers {
  using Place = HopperPlacement<Policy>;
  SharedAddress at;
  DEV SharedAddress rows_full() const { return at; }
  DEV SharedAddress key_full(int slot) const { return at + 8 * (1 + slot); }
  DEV SharedAddress key_empty(int slot) const { return at + 8 * (1 + Place::key_slots + slot); }
  DEV SharedAddress value_full(int slot) const { return at + 8 * (1 + 2 * Place::key_slots + slot); }
  DEV SharedAddress value_empty(int slot) const {
    return at + 8 * (1 + 2 * Place::key_slots + Place::value_slots + slot);
  }
  DEV void init() const {
    phase_init(rows_full(), 1);
    for (int slot = 0; slot < Place::key_slots; ++slot)
      phase_init(key_full(slot), 1), phase_init(key_empty(slot), 4 * Place::consumers);
    for (int slot = 0; slot < Place::value_slots; ++slot)
      phase_init(value_full(slot), 1), phase_init(value_empty(slot), 4 * Place::consumers);
    phase_init_end();
  }
};

// ---- products ----

/// Where the operands of a warpgroup's products lie, in units of 16 bytes.
struct Operands {
  u32 rows, keys, values;
};

/// The low word of a descriptor is an address and the distance of pieces, the high word the distance of eight rows and
/// the swizzle. Opaque: else all steps' descriptors are computed ahead and take registers through the loop.
DEV MatrixDescriptor descriptor(int pitch, u32 low, int offset) {
  const u32 swizzle = pitch == 128 ? 1 : pitch == 64 ? 2 : 3;
  const u32 high = u32(8 * pitch >> 4) | swizzle << 30;
  return MatrixDescriptor(high) << 32 | (opaque(low) + u32(offset >> 4));
}

/// scores (+)= own operand times streamed operand, their features summed.
template <class Policy, int Own, int Key, bool Adds>
DEV void multiply_scores(Tile<1, Policy::N> &scores, const Operands &at) {
  using Place = HopperPlacement<Policy>;
  constexpr int features = Policy::own_features(Own), pitch = piece_pitch(features), steps = piece_of(features) / 16;
  static_assert(features == Policy::streamed_features(Key) && features == Policy::own_features(0));
#pragma unroll
  for (int piece = 0; piece < pieces_of(features); ++piece)
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      const MatrixDescriptor a = descriptor(pitch, at.rows,
                                            Place::own_offset(Own) + piece * Place::own_rows * pitch + 32 * step),
                             b = descriptor(pitch, at.keys,
                                            Place::streamed_offset(Key) + piece * Policy::N * pitch + 32 * step);
      if (Adds || piece || step)
        wgmma_shared<true>(typename Policy::Element{}, scores.x[0], a, b);
      else
        wgmma_shared<false>(typename Policy::Element{}, scores.x[0], a, b);
    }
}

/// output += weights[k .. k + 16) value operand
template <class Policy, int Value, int F>
DEV void multiply_output(Tile<1, F> &output, const Weights<typename Policy::Element, 1, Policy::N> &weights, int k,
                         const Operands &at) {
  using Place = HopperPlacement<Policy>;
  constexpr int pitch = piece_pitch(Policy::streamed_features(Value));
  wgmma_registers(
      typename Policy::Element{}, output.x[0], weights.word[0][k / 16],
      descriptor(pitch, at.values | u32(Policy::N * pitch >> 4) << 16, Place::streamed_offset(Value) + k * pitch));
}

template <int N> DEV void hold(Tile<1, N> &tile) { hold(tile.x[0]); }
template <int N> DEV void forget(Tile<1, N> &tile) { forget(tile.x[0]); }
template <class Element, int N> DEV void hold(Weights<Element, 1, N> &weights) { hold(weights.word[0]); }

// ---- numbers for each query and key ----

/// A tensor's numbers at the tile's entries, still in memory's type: loaded while products run.
template <class Type, int N> struct Fetched {
  static constexpr int per_word = 4 / Type::bytes;
  u32 word[N / 8][4 / per_word];

  DEV float operator()(int n, int e) const {
    if constexpr (Type::bytes == 4)
      return float_of(word[n][e]);
    else
      return Type::to_float(u16(word[n][e / 2] >> 16 * (e & 1)));
  }
  /// Rows and columns beyond the lengths repeat the last ones; they do not count.
  template <class Policy>
  DEV void fetch(const Tensor &t, const Sequence &place, int head, const Owner<Policy> &own,
                 const Streamed<Policy> &tile, bool partial) {
    const i64 stride = t.stride[int(Axis::key)];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int row = own.row(r) < own.length ? own.row(r) : own.length - 1;
      const auto *from = element<Type>(t, place.b, head, place.q_start + row, place.kv_start);
      const auto *first = from + tile.column(0, 0);
      const bool whole = !partial && stride == 1 && (reinterpret_cast<unsigned long long>(first) & 3) == 0;
#pragma unroll
      for (int n = 0; n < N / 8; ++n)
        if (Type::bytes == 2 && whole)
          word[n][r] = *reinterpret_cast<const u32 *>(first + 8 * n);
        else
          gather_two(&word[n][2 * r / per_word], from, stride, tile, n, place.kv_length);
    }
  }

private:
  template <class Policy>
  static DEV void gather_two(u32 *to, const typename Type::Memory *from, i64 stride, const Streamed<Policy> &tile,
                             int n, int length) {
    typename Type::Memory x[2];
#pragma unroll
    for (int c = 0; c < 2; ++c) x[c] = from[tile.inside(n, c, length) * stride];
    if constexpr (Type::bytes == 4)
      to[0] = bits_of(x[0]), to[1] = bits_of(x[1]);
    else
      to[0] = u32(x[0]) | u32(x[1]) << 16;
  }
};

// ---- which tiles a block meets ----

/// The block's rows, and what they meet.
template <class Policy> struct HopperBlock {
  using Args = typename Policy::Args;
  using Place = HopperPlacement<Policy>;
  const Args &args;
  Owner<Policy> own;
  int tiles;

  /// Blocks of one head follow one another. With a mask the last rows tend to meet most tiles: they start first, in
  /// groups of four heads, whose keys then stay in the cache together.
  DEV explicit HopperBlock(const Args &args) : args(args) {
    const Problem &p = args.problem;
    const int heads = int(p.heads), per_head = int(p.heads / p.kv_heads), all = heads * int(p.batch);
    const int blocks = int((p.q_length + Place::own_rows - 1) / Place::own_rows);
    int head = block_index() / blocks, block = block_index() % blocks;
    if constexpr (Policy::masked) {
      constexpr int together = 4;
      const int group = block_index() / (together * blocks), rest = block_index() % (together * blocks);
      const int size = all - together * group < together ? all - together * group : together;
      head = together * group + rest % size, block = blocks - 1 - rest / size;
    }
    Sequence &s = own.sequence;
    s.b = head / heads, s.h = head % heads, s.n = s.h / per_head;
    Policy::measure(args, s);
    own.first = block * Place::own_rows;
    own.length = s.q_length;
    own.bound = Policy::layout == Layout::packed ? own.length : int(p.q_length);
    tiles = own.first < own.length ? (s.kv_length + Policy::N - 1) / Policy::N : 0;
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
    const Sequence &s = own.sequence;
    keep.none();
#pragma unroll
    for (int start = 0; start < Policy::N / 8; start += 8)
#pragma unroll 1
      for (int n = start; n < start + 8 && n < Policy::N / 8; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int i = own.row(e / 2), j = tile.column(n, e);
          const bool kept =
              j < s.kv_length && (!Policy::checks_own_rows || i < own.length) && Policy::keep(args, s, i, j);
          keep.bits[0][start / 8] |= u32(kept) << (4 * (n - start) + e);
        }
  }
};

/// The tiles that are not empty, in order. Every warp walks the list by itself: each lane judges one of 32 tiles.
template <class Policy> struct Steps {
  static constexpr int kNone = -1;
  const HopperBlock<Policy> &block;
  int at = -1;    ///< the tile that next() gave last
  int judged = 0; ///< tiles below are behind, or among the 32 bits
  u32 kept = 0, partly_dropped = 0;

  DEV explicit Steps(const HopperBlock<Policy> &block) : block(block) {}

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
    return partly_dropped >> (at & (kWarp - 1)) & 1u;
  }
};

// ---- the two roles ----

template <class Policy> struct HopperSweep {
  using Args = typename Policy::Args;
  using Place = HopperPlacement<Policy>;
  using State = typename Policy::State;
  static constexpr int kNone = Steps<Policy>::kNone;

  const HopperBlock<Policy> block;
  const SharedAddress shared;
  const Barriers<Policy> barriers;

  DEV explicit HopperSweep(const Args &args)
      : block(args), shared((shared_base() + Place::alignment - 1) / Place::alignment * Place::alignment),
        barriers{shared + Place::barriers_at} {}

  DEV void run() {
    if (thread_index() == 0) barriers.init();
    barrier();
    const int warpgroup = uniform(thread_index() / (4 * kWarp));
    if (warpgroup == Place::consumers) {
      lower_registers<Place::producer_registers>();
      if (thread_index() < 4 * kWarp * Place::consumers + kWarp) produce();
    } else {
      raise_registers<Place::consumer_registers>();
      consume(warpgroup);
    }
  }

private:
  DEV SharedAddress key_slot(int slot) const { return shared + Place::keys_at + slot * Place::key_bytes; }
  DEV SharedAddress value_slot(int slot) const { return shared + Place::values_at + slot * Place::value_bytes; }

  template <int Features>
  DEV void copy_tile(SharedAddress to, int rows, const TensorMap &map, i64 row, int head, SharedAddress full) const {
#pragma unroll
    for (int piece = 0; piece < pieces_of(Features); ++piece)
      copy_box(to + piece * rows * piece_pitch(Features), map, piece * piece_of(Features), int(row), head,
               Policy::layout == Layout::packed ? 0 : block.own.sequence.b, full);
  }
  template <int Operand = 0> DEV void copy_own() const {
    if constexpr (Operand < Policy::own_operands) {
      const Sequence &s = block.own.sequence;
      copy_tile<Policy::own_features(Operand)>(shared + Place::own_offset(Operand), Place::own_rows,
                                               Policy::template own_map<Operand>(block.args),
                                               s.q_start + block.own.first, s.h, barriers.rows_full());
      copy_own<Operand + 1>();
    }
  }
  template <int Operand, int End> DEV void copy_streamed(SharedAddress slot, int step, SharedAddress full) const {
    if constexpr (Operand < End) {
      const Sequence &s = block.own.sequence;
      copy_tile<Policy::streamed_features(Operand)>(slot + Place::streamed_offset(Operand), Policy::N,
                                                    Policy::template streamed_map<Operand>(block.args),
                                                    s.kv_start + step * Policy::N, s.n, full);
      copy_streamed<Operand + 1, End>(slot, step, full);
    }
  }

  /// One warp, of which the first lane issues the copies: a slot is filled as soon as it is empty.
  DEV void produce() const {
    constexpr int keys = Policy::key_operands, all = Policy::streamed_operands;
    const bool issues = thread_index() % kWarp == 0;
    Steps<Policy> steps(block);
    Ring<Place::key_slots> key;
    Ring<Place::value_slots> value;
    int step = steps.next();
    if (issues && step != kNone) {
      phase_arrive_expecting(barriers.rows_full(), Place::keys_at);
      copy_own();
    }
    for (; step != kNone; step = steps.next()) {
      phase_wait_guarded(barriers.key_empty(key.slot), key.phase ^ 1);
      if (issues) {
        phase_arrive_expecting(barriers.key_full(key.slot), keys * tile_bytes(Policy::N, Policy::streamed_features(0)));
        copy_streamed<0, keys>(key_slot(key.slot), step, barriers.key_full(key.slot));
      }
      key.next();
      phase_wait_guarded(barriers.value_empty(value.slot), value.phase ^ 1);
      if (issues) {
        phase_arrive_expecting(barriers.value_full(value.slot),
                               (all - keys) * tile_bytes(Policy::N, Policy::streamed_features(keys)));
        copy_streamed<keys, all>(value_slot(value.slot), step, barriers.value_full(value.slot));
      }
      value.next();
    }
  }

  /// Zeros in rows from .. to of operands that lie behind one another.
  template <int Rows, int Features> DEV void clear_rows(SharedAddress tiles, int operands, int from, int to) const {
    constexpr int pitch = piece_pitch(Features);
    const int words = (to - from) * (pitch / 16);
    for (int piece = 0; piece < operands * pieces_of(Features); ++piece)
      for (int word = thread_index() % (4 * kWarp); word < words; word += 4 * kWarp)
        store_shared_words(tiles + (piece * Rows + from) * pitch + 16 * word, Words{});
  }
  /// A warpgroup's own threads see what they stored, and so do the products that they begin.
  DEV void end_clearing(int warpgroup) const {
    publish_stores();
    meeting_wait(1 + Place::consumers + warpgroup, 4 * kWarp);
  }
  // Padding, and in packed tensors the next sequence, lie behind the end of one: products must not meet what they hold.
  // Both warpgroups store the same zeros.
  DEV void cut_rows(int warpgroup) const {
    const int end = block.own.length - block.own.first, last = 64 * (warpgroup + 1);
    if (Policy::layout == Layout::dense || end >= last) return;
    clear_rows<Place::own_rows, Policy::own_features(0)>(shared, Policy::own_operands,
                                                         end > last - 64 ? end : last - 64, last);
    end_clearing(warpgroup);
  }
  DEV void cut_keys(int warpgroup, const Ring<Place::key_slots> &key, int step) const {
    const int end = block.own.sequence.kv_length - step * Policy::N;
    if (Policy::layout == Layout::dense || end >= Policy::N) return;
    phase_wait(barriers.key_full(key.slot), key.phase);
    clear_rows<Policy::N, Policy::streamed_features(0)>(key_slot(key.slot), Policy::key_operands, end, Policy::N);
    end_clearing(warpgroup);
  }
  DEV void cut_values(int warpgroup, const Ring<Place::value_slots> &value, int step) const {
    const int end = block.own.sequence.kv_length - step * Policy::N;
    if (Policy::layout == Layout::dense || end >= Policy::N) return;
    phase_wait(barriers.value_full(value.slot), value.phase);
    clear_rows<Policy::N, Policy::streamed_features(Policy::key_operands)>(value_slot(value.slot),
                                                                           Place::value_operands, end, Policy::N);
    end_clearing(warpgroup);
  }

  // One warpgroup issues products at a time, and hands that right on; while the others' products run, it computes.
  DEV void take_turn(int warpgroup) const { meeting_wait(1 + warpgroup, 8 * kWarp); }
  DEV void pass_turn(int warpgroup) const {
    meeting_arrive(1 + (warpgroup + 1 == Place::consumers ? 0 : warpgroup + 1), 8 * kWarp);
  }
  DEV void release(SharedAddress empty) const {
    if (thread_index() % kWarp == 0) phase_arrive(empty);
  }

  /// From scores under way to packed weights.
  DEV void meet(State &state, Ring<Place::key_slots> &key, int step, bool partial) const {
    const Streamed<Policy> tile{0u, step * Policy::N};
    state.fetch(block.args, block.own, block.own.sequence, tile, partial);
    Keep<1, Policy::N> keep;
    keep.all();
    if (partial) block.find_kept(keep, tile);
    wait_products<Policy::late ? 1 : 0>();
    state.meet_early(block.args, block.own, block.own.sequence, tile, keep, partial);
    if constexpr (Policy::late) {
      wait_products<0>();
      release(barriers.key_empty(key.slot));
      state.meet_late(block.args, block.own, block.own.sequence, tile, keep, partial);
    } else
      release(barriers.key_empty(key.slot));
    key.next();
  }

  /// A turn covers the output products of one tile and the scores of the next.
  DEV void consume(int warpgroup) const {
    State state;
    state.clear();
    state.enter(block.args, block.own, block.own.sequence);
    Steps<Policy> steps(block);
    int step = steps.next();
    if (step != kNone) {
      Ring<Place::key_slots> key;
      Ring<Place::value_slots> value;
      Operands at;
      at.rows = (shared + warpgroup * 64 * piece_pitch(Policy::own_features(0))) >> 4;
      if (warpgroup == Place::consumers - 1) pass_turn(warpgroup);
      phase_wait(barriers.rows_full(), 0);
      cut_rows(warpgroup);
      cut_keys(warpgroup, key, step);
      take_turn(warpgroup);
      phase_wait(barriers.key_full(0), 0);
      at.keys = key_slot(0) >> 4;
      state.multiply_early(at);
      if constexpr (Policy::late) state.multiply_late(at);
      pass_turn(warpgroup);
      meet(state, key, step, steps.partial());
      for (int next; (next = steps.next()) != kNone; step = next) { // only the last tile is ever cut
        cut_keys(warpgroup, key, next);
        take_turn(warpgroup);
        phase_wait(barriers.value_full(value.slot), value.phase);
        at.values = value_slot(value.slot) >> 4;
        state.multiply_outputs(at);
        phase_wait(barriers.key_full(key.slot), key.phase);
        at.keys = key_slot(key.slot) >> 4;
        state.multiply_early(at);
        wait_products<1>();
        state.hold_outputs();
        release(barriers.value_empty(value.slot));
        value.next();
        if constexpr (Policy::late) state.multiply_late(at);
        pass_turn(warpgroup);
        meet(state, key, next, steps.partial());
      }
      cut_values(warpgroup, value, step);
      take_turn(warpgroup);
      phase_wait(barriers.value_full(value.slot), value.phase);
      at.values = value_slot(value.slot) >> 4;
      state.multiply_outputs(at);
      if (warpgroup != Place::consumers - 1) pass_turn(warpgroup); // the last turn is nobody's
      wait_products<0>();
      state.hold_outputs();
    }
    state.leave(block.args, block.own);
  }
};
