// The sweep: blocks own rows of one axis and meet the tiles of the other. What is done with a tile is the policy's.
#pragma once

#include "memory.cuh"
#include "tiles.cuh"

// The owner's axis gives the rows of every mma, the streamed axis its columns:
//   row sweep:    own = i, streamed = j      scores  X Yt          sums over j   W Y
//   column sweep: own = j, streamed = i      scores  Y Xt          sums over i   Wt X
// A policy states (see any emitted kernel):
//   Element, Layout (dense, padded, packed), owns_queries, M, N, warps, stages
//   own_features(o), own<o>, streamed_features(o), streamed<o>   the operands: length and tensor
//   StatisticType<o>, statistic<o>, _place<o>, _head<o>          the statistics per streamed row
//   score_tiles, output_features                                 what its registers hold
//   measure, keep, may_keep, may_drop                            lengths; the mask for an entry and for a box of
//   entries checks_own_rows, skips                                       whether rows beyond the length, and empty
//   tiles, are written State with enter (a head is entered), meet (a tile), skip (an empty tile), leave (the end)

enum class Layout { dense, padded, packed };

/// The type number o of a list.
template <int o, class First, class... Rest> struct TypeList {
  using At = typename TypeList<o - 1, Rest...>::At;
};
template <class First, class... Rest> struct TypeList<0, First, Rest...> {
  using At = First;
};
template <int o, class... Types> using TypeAt = typename TypeList<o, Types...>::At;

/// The bytes of one row in shared memory; an odd multiple of 16, so that eight rows of 16 bytes lie in different banks.
template <class Element> DEV constexpr int pitch_of(int features) {
  return (features + 15) / 16 * 16 * Element::bytes + 16;
}

/// Registers of a thread up to which owned operands are kept in them; the others are for addresses and fragments.
constexpr int kResidentLimit = 152;

/// How a policy's operands lie in shared memory, and how many registers it has to spare.
template <class Policy> struct Placement {
  using Element = typename Policy::Element;
  static constexpr int own_rows = 16 * Policy::M * Policy::warps, threads = kWarp * Policy::warps;

  static DEV constexpr int own_offset(int operand) {
    int at = 0;
    for (int o = 0; o < operand; ++o) at += own_rows * pitch_of<Element>(Policy::own_features(o));
    return at;
  }
  static DEV constexpr int streamed_offset(int operand) {
    int at = 0;
    for (int o = 0; o < operand; ++o) at += Policy::N * pitch_of<Element>(Policy::streamed_features(o));
    return at;
  }
  static DEV constexpr int numbers_offset(int number) {
    return streamed_offset(Policy::streamed_operands) + number * 4 * Policy::N;
  }
  static DEV constexpr int slot_bytes() { return numbers_offset(Policy::streamed_numbers); }
  static DEV constexpr int slots_offset() { return own_offset(Policy::own_operands); }
  static DEV constexpr int shared_bytes() { return slots_offset() + Policy::stages * slot_bytes(); }

  // Owned operands stay in registers where 255 have room for them beside the accumulators and the score tiles.
  static DEV constexpr int own_steps(int operand) {
    int steps = 0;
    for (int o = 0; o < operand; ++o) steps += (Policy::own_features(o) + 15) / 16;
    return steps;
  }
  static DEV constexpr bool resident() {
    const int live = Policy::M * (Policy::output_features / 2 + Policy::score_tiles * Policy::N / 2);
    return Element::bytes == 2 && live + 4 * Policy::M * own_steps(Policy::own_operands) <= kResidentLimit;
  }
  // Where they are loaded again and again, two steps at a time keep ptxas from loading ahead into registers that it has
  // not.
  static DEV constexpr int score_unroll() { return resident() ? 32 : 2; }
};

/// The owned rows as left operands.
template <class Policy> struct OwnRows {
  using Place = Placement<Policy>;
  using Element = typename Policy::Element;
  using Left = typename Element::Left;
  SharedAddress base;
  Left held[Place::resident() ? Place::own_steps(Policy::own_operands) : 1][Policy::M];

  template <int Operand> DEV void load(Left (&a)[Policy::M], int feature) const {
    constexpr int pitch = pitch_of<Element>(Policy::own_features(Operand));
    const int lane = thread_index() % kWarp, warp = thread_index() / kWarp;
    const SharedAddress at =
        base + Place::own_offset(Operand) + warp * 16 * Policy::M * pitch + left_lane_offset(lane, pitch);
#pragma unroll
    for (int m = 0; m < Policy::M; ++m) Element::load_left(a[m], at + 16 * m * pitch + feature * Element::bytes);
  }
  /// Features feature .. feature + step of an operand.
  template <int Operand> DEV void get(Left (&a)[Policy::M], int feature) const {
    if constexpr (Place::resident()) {
#pragma unroll
      for (int m = 0; m < Policy::M; ++m) a[m] = held[Place::own_steps(Operand) + feature / 16][m];
    } else
      load<Operand>(a, feature);
  }
  template <int Operand = 0> DEV void hold() {
    if constexpr (Place::resident() && Operand < Policy::own_operands) {
#pragma unroll
      for (int f = 0; f < Policy::own_features(Operand); f += 16)
        load<Operand>(held[Place::own_steps(Operand) + f / 16], f);
      hold<Operand + 1>();
    }
  }
};

/// The keys begin .. end - 1 of a row.
struct KeyRange {
  int begin, end;
  DEV void begin_at(i64 first) { begin = first > begin ? int(first < end ? first : end) : begin; }
  DEV void end_at(i64 behind) { end = behind < end ? int(behind > begin ? behind : begin) : end; }
};

/// The tile at hand: its operands in shared memory and where it stands.
template <class Policy> struct Streamed {
  using Place = Placement<Policy>;
  using Element = typename Policy::Element;
  SharedAddress slot;
  int first;                ///< its first row on the streamed axis
  SharedAddress statistics; ///< the first of its numbers per row

  /// Rows n .. n + 16, features feature .. feature + step, as right operand.
  template <int Operand> DEV typename Element::Right right(int n, int feature) const {
    constexpr int pitch = pitch_of<Element>(Policy::streamed_features(Operand));
    typename Element::Right b;
    Element::load_right(b, slot + Place::streamed_offset(Operand) + right_lane_offset(thread_index() % kWarp, pitch) +
                               n * pitch + feature * Element::bytes);
    return b;
  }
  /// Rows n .. n + 16 as the summed index, features feature .. feature + 16.
  template <int Operand> DEV typename Element::DeepRight deep(int n, int feature) const {
    constexpr int pitch = pitch_of<Element>(Policy::streamed_features(Operand));
    typename Element::DeepRight b;
    Element::load_deep(b,
                       slot + Place::streamed_offset(Operand) +
                           Element::deep_lane_offset(thread_index() % kWarp, pitch) + n * pitch +
                           feature * Element::bytes,
                       pitch);
    return b;
  }
  /// A statistic of the thread's two columns of column group n.
  template <int Number> DEV void numbers(float (&x)[2], int n) const {
    load_shared_pair(x[0], x[1], statistics + 4 * (Policy::N * Number + 8 * n + 2 * (thread_index() % 4)));
  }
  /// Whether a statistic of the thread's columns is -infinity.
  template <int Number> DEV bool has_minus_infinity() const {
    bool found = false;
#pragma unroll
    for (int n = 0; n < Policy::N / 8; ++n) {
      float x[2];
      numbers<Number>(x, n);
      found |= x[0] == -infinity() || x[1] == -infinity();
    }
    return found;
  }
  /// The thread's column of number e in column group n, on the streamed axis.
  DEV int column(int n, int e) const { return first + 8 * n + 2 * (thread_index() % 4) + (e & 1); }
  /// The same as a number: one addition for each group.
  DEV float number(int n, int e) const { return float(first + 2 * (thread_index() % 4)) + float(8 * n + (e & 1)); }
  /// The column, or the last one of the axis.
  DEV int inside(int n, int e, int length) const { return column(n, e) < length ? column(n, e) : length - 1; }
};

/// The block's rows.
template <class Policy> struct Owner {
  Sequence sequence;
  int first;  ///< the block's first row on its axis
  int length; ///< of the sequence on that axis
  int bound;  ///< rows that exist in memory: more than `length` where padding is written too

  /// The thread's row 0 .. 2 M - 1, on the owner's axis.
  DEV int row(int r) const {
    return first + thread_index() / kWarp * 16 * Policy::M + 16 * (r / 2) + 8 * (r & 1) + thread_index() % kWarp / 4;
  }
};

/// The numbers of a tensor at the tile's entries, 0 beyond the lengths.
template <class Policy, class Type>
DEV void load_tile(Tile<Policy::M, Policy::N> &x, const Tensor &t, const Sequence &place, int head,
                   const Owner<Policy> &own, const Streamed<Policy> &tile) {
  const i64 stride = t.stride[Policy::owns_queries ? 3 : 2];
  const int streamed_length = Policy::owns_queries ? place.kv_length : place.q_length;
#pragma unroll
  for (int r = 0; r < 2 * Policy::M; ++r) {
    const int row = own.row(r), column = tile.column(0, 0);
    const auto *from = Policy::owns_queries
                           ? element<Type>(t, place.b, head, place.q_start + row, place.kv_start + column)
                           : element<Type>(t, place.b, head, place.q_start + column, place.kv_start + row);
#pragma unroll
    for (int n = 0; n < Policy::N / 8; ++n)
#pragma unroll
      for (int c = 0; c < 2; ++c)
        x.x[r / 2][n][2 * (r & 1) + c] =
            row < own.length && tile.column(n, c) < streamed_length ? Type::to_float(from[(8 * n + c) * stride]) : 0.f;
  }
}
/// Stores the tile's entries as far as the tensor goes: to `rows` of the owner's axis and `columns` of the other.
template <class Policy, class Type>
DEV void store_tile(const Tile<Policy::M, Policy::N> &x, const Tensor &t, const Sequence &place, int head,
                    const Owner<Policy> &own, const Streamed<Policy> &tile, int rows, int columns) {
  const i64 stride = t.stride[Policy::owns_queries ? 3 : 2];
#pragma unroll
  for (int r = 0; r < 2 * Policy::M; ++r) {
    const int row = own.row(r), column = tile.column(0, 0);
    auto *to = Policy::owns_queries ? element<Type>(t, place.b, head, place.q_start + row, place.kv_start + column)
                                    : element<Type>(t, place.b, head, place.q_start + column, place.kv_start + row);
#pragma unroll
    for (int n = 0; n < Policy::N / 8; ++n)
#pragma unroll
      for (int c = 0; c < 2; ++c)
        if (row < rows && tile.column(n, c) < columns)
          to[(8 * n + c) * stride] = Type::from_float(x.x[r / 2][n][2 * (r & 1) + c]);
  }
}

/// The statistics of a tile's rows, one after the other.
template <class Policy, int Threads, int Number = 0>
DEV void copy_statistics(const typename Policy::Args &args, SharedAddress to, const Sequence &s, Axis axis, int first,
                         int length, int thread) {
  if constexpr (Number < Policy::streamed_numbers) {
    using Type = typename Policy::template StatisticType<Number>;
    copy_numbers<Type, Policy::N, Threads>(to + 4 * Policy::N * Number, Policy::template statistic<Number>(args),
                                           Policy::template statistic_place<Number>(s),
                                           Policy::template statistic_head<Number>(s), axis, first, length, thread);
    copy_statistics<Policy, Threads, Number + 1>(args, to, s, axis, first, length, thread);
  }
}

template <class Policy> struct Sweep {
  using Args = typename Policy::Args;
  using Place = Placement<Policy>;
  using Element = typename Policy::Element;
  using State = typename Policy::State;
  static constexpr bool owns_queries = Policy::owns_queries;
  static constexpr Axis own_axis = owns_queries ? Axis::query : Axis::key,
                        streamed_axis = owns_queries ? Axis::key : Axis::query;
  static constexpr int kNone = -1;

  const Args &args;
  Owner<Policy> own;
  SharedAddress shared;
  int group, tiles; ///< query heads that a column sweep meets, tiles of each

  DEV explicit Sweep(const Args &args) : args(args), shared(shared_base()) {
    const Problem &p = args.problem;
    const int heads = int(owns_queries ? p.heads : p.kv_heads), per_head = int(p.heads / p.kv_heads);
    const int blocks = int(((owns_queries ? p.q_length : p.kv_length) + Place::own_rows - 1) / Place::own_rows);
    const int block = block_index() % blocks, head = block_index() / blocks % heads;
    Sequence &s = own.sequence;
    s.b = block_index() / blocks / heads;
    s.h = owns_queries ? head : head * per_head;
    s.n = owns_queries ? head / per_head : head;
    Policy::measure(args, s);
    // The last rows of a masked row sweep tend to meet most tiles: they start first.
    own.first = (owns_queries ? blocks - 1 - block : block) * Place::own_rows;
    own.length = owns_queries ? s.q_length : s.kv_length;
    own.bound = Policy::layout == Layout::packed ? own.length : int(owns_queries ? p.q_length : p.kv_length);
    group = owns_queries ? 1 : per_head;
    const int bound = Policy::skips ? int(owns_queries ? p.kv_length : p.q_length) : streamed_length();
    tiles = (bound + Policy::N - 1) / Policy::N;
  }
  DEV int streamed_length() const { return owns_queries ? own.sequence.kv_length : own.sequence.q_length; }

  /// Steps are numbered through all heads of the group: step / tiles is the head, step % tiles the tile.
  DEV Sequence sequence_of(int step) const {
    Sequence s = own.sequence;
    if constexpr (!owns_queries) s.h += step / tiles;
    return s;
  }
  DEV int first_of(int step) const { return (owns_queries ? step : step % tiles) * Policy::N; }

  /// The mask over the box of a step, cut at the lengths: whether some entry may be kept, whether some may be dropped.
  DEV bool may_keep(int step) const {
    const int first = first_of(step), last = least_int(first + Policy::N, streamed_length()) - 1;
    const int own_last = least_int(own.first + Place::own_rows, own.length) - 1;
    if (last < first || own_last < own.first) return false;
    const Sequence s = sequence_of(step);
    return owns_queries ? Policy::may_keep(args, s, own.first, own_last, first, last)
                        : Policy::may_keep(args, s, first, last, own.first, own_last);
  }
  DEV bool may_drop(int step) const {
    const int first = first_of(step), last = first + Policy::N - 1, own_last = own.first + Place::own_rows - 1;
    if (last >= streamed_length() || (Policy::checks_own_rows && own_last >= own.length)) return true;
    const Sequence s = sequence_of(step);
    const int own_end = least_int(own_last, own.length - 1);
    return owns_queries ? Policy::may_drop(args, s, own.first, own_end, first, last)
                        : Policy::may_drop(args, s, first, last, own.first, own_end);
  }
  static DEV int least_int(int x, int y) { return x < y ? x : y; }

  /// The next step, from `step` on, whose tile is not empty.
  DEV int next_step(int step, State &state) const {
    for (; step < group * tiles; ++step) {
      if (may_keep(step)) return step;
      if constexpr (Policy::skips) state.skip(args, own, sequence_of(step), first_of(step));
    }
    return kNone;
  }

  template <int Operand = 0> DEV void copy_own() {
    if constexpr (Operand < Policy::own_operands) {
      constexpr int features = Policy::own_features(Operand);
      copy_rows<Element, Place::own_rows, features, Place::threads>(
          shared + Place::own_offset(Operand), pitch_of<Element>(features), Policy::template own<Operand>(args),
          own.sequence, owns_queries ? own.sequence.h : own.sequence.n, own_axis, own.first, own.length);
      copy_own<Operand + 1>();
    }
  }
  template <int Operand = 0> DEV void copy_streamed(SharedAddress slot, const Sequence &s, int first) {
    if constexpr (Operand < Policy::streamed_operands) {
      constexpr int features = Policy::streamed_features(Operand);
      copy_rows<Element, Policy::N, features, Place::threads>(
          slot + Place::streamed_offset(Operand), pitch_of<Element>(features), Policy::template streamed<Operand>(args),
          s, owns_queries ? s.n : s.h, streamed_axis, first, streamed_length());
      copy_streamed<Operand + 1>(slot, s, first);
    }
  }
  DEV SharedAddress slot_address(int slot) const { return shared + Place::slots_offset() + slot * Place::slot_bytes(); }
  DEV void fill(int slot, int step) {
    if (step != kNone) {
      const Sequence s = sequence_of(step);
      copy_streamed(slot_address(slot), s, first_of(step));
      copy_statistics<Policy, Place::threads>(args, slot_address(slot) + Place::numbers_offset(0), s, streamed_axis,
                                              first_of(step), streamed_length(), thread_index());
    }
    commit_copies();
  }

  /// The entries of a partial tile that count.
  DEV void find_kept(Keep<Policy::M, Policy::N> &keep, const Sequence &s, const Streamed<Policy> &tile) const {
    keep.none();
#pragma unroll
    for (int n = 0; n < Policy::N / 8; ++n)
#pragma unroll
      for (int m = 0; m < Policy::M; ++m)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int own_at = own.row(2 * m + e / 2), at = tile.column(n, e);
          const bool inside = own_at < own.length && at < streamed_length();
          keep.put(m, n, e,
                   inside && (owns_queries ? Policy::keep(args, s, own_at, at) : Policy::keep(args, s, at, own_at)));
        }
  }

  DEV void run() {
    if (own.first >= (Policy::skips ? int(owns_queries ? args.problem.q_length : args.problem.kv_length) : own.bound))
      return;
    State state;
    state.clear();
    copy_own();
    commit_copies();
    // A ring of slots: while a tile is met, the copies of the next stages - 1 are under way.
    constexpr int ahead = Policy::stages - 1;
    int steps[ahead];
    int next = 0;
#pragma unroll
    for (int slot = 0; slot < ahead; ++slot) {
      steps[slot] = slot && next == kNone ? kNone : next_step(next, state);
      next = steps[slot] == kNone ? kNone : steps[slot] + 1;
      fill(slot, steps[slot]);
    }
    wait_copies<ahead>();
    barrier();
    OwnRows<Policy> rows;
    rows.base = shared;
    rows.hold();

    int head = kNone, slot = 0;
    while (steps[0] != kNone) {
      const int step = steps[0];
      const Sequence s = sequence_of(step);
      if (s.h != head) state.enter(args, own, s), head = s.h;
      wait_copies<ahead - 1>();
      barrier(); // this tile has come, and the slot filled next is no longer read
#pragma unroll
      for (int i = 0; i + 1 < ahead; ++i) steps[i] = steps[i + 1];
      steps[ahead - 1] = next == kNone ? kNone : next_step(next, state);
      next = steps[ahead - 1] == kNone ? kNone : steps[ahead - 1] + 1;
      fill((slot + ahead) % Policy::stages, steps[ahead - 1]);

      const Streamed<Policy> tile{slot_address(slot), first_of(step), slot_address(slot) + Place::numbers_offset(0)};
      const bool partial = may_drop(step);
      Keep<Policy::M, Policy::N> keep;
      keep.all();
      if (partial) find_kept(keep, s, tile);
      state.meet(args, own, s, rows, tile, keep, partial);
      slot = (slot + 1) % Policy::stages;
    }
    wait_copies<0>();
    if (head == kNone) state.enter(args, own, own.sequence);
    state.leave(args, own);
  }
};
