// The row sweep of Hopper: one warpgroup copies tiles, the others multiply them. What is done with scores is the
// policy's.
#pragma once

#include "hopper_blocks.cuh"

// Threads 0 .. 127, 128 .. 255 are consumers, each of 64 rows; the last warpgroup is the producer, one thread of which
// issues every copy of boxes. Streamed operands of scores ("keys") and of outputs ("values") come in two rings of
// slots, each slot with two barriers: *full* when its tile has come, *empty* when all consumers have read it. A policy
// states what sweep.cuh lists, and
//   key_operands                       the first of the streamed operands are keys, the others values
//   own_map<o, w>, streamed_map<o, w>  their tensor maps for boxes of w features; prefetch_maps: all of them
//   own_rows                           rows of a block: 64 for each warpgroup that multiplies
//   walks, draws                       whether a block of threads may take several blocks of rows: at equal distances,
//                                      or drawn from a counter
//   divides                            whether blocks may share the keys of rows (hopper_division.cuh)
//   masked, judges_together            whether some tile may be empty; whether a warp has to judge each tile together
//   judges_by_memory                   whether judging a tile reads memory
//   loads, loads_for_all_batches       whether something is given for each key, or for each query and key, and for all
//                                      batches alike
//   drops_by_bias                      whether a value of that may drop its entry
//   late                               whether there are scores that the running maximum does not need
//   late_groups, key_group(o)          where keys come one by one: groups of products of those scores, and the last
//                                      group that reads a key operand (0 before all of these)
// Where it loads: load, loaded_tensors, loaded_bytes(o); where it draws: counter.
// Its State takes what has been loaded (take), multiplies in groups (multiply_early, multiply_late,
// multiply_outputs), reads scores when they have landed (meet_early, meet_late) and holds what the output products read
// and write (hold_outputs).

template <class Policy> struct HopperSweep {
  using Args = typename Policy::Args;
  using Place = HopperPlacement<Policy>;
  using State = typename Policy::State;
  using Block = HopperBlock<Policy>;
  static constexpr int kNone = Steps<Policy>::kNone;

  const Args &args;
  const SharedAddress shared;
  const Barriers<Policy> barriers;

  DEV explicit HopperSweep(const Args &args)
      : args(args), shared((shared_base() + Place::alignment - 1) / Place::alignment * Place::alignment),
        barriers{shared + Place::barriers_at} {}

  DEV void run() {
    if (thread_index() == 0) barriers.init();
    if (thread_index() == 4 * kWarp * Place::consumers) Policy::prefetch_maps(args);
    barrier();
    const int warpgroup = uniform(thread_index() / (4 * kWarp));
    if (warpgroup == Place::consumers) {
      lower_registers<Place::producer_registers>();
      const int warp = uniform(thread_index() / kWarp) - 4 * Place::consumers;
      if (warp == 0) produce();
      if constexpr (Policy::loads)
        if (0 < warp && warp <= Place::consumers) load(warp - 1);
    } else {
      raise_registers<Place::consumer_registers>();
      consume(warpgroup);
    }
  }

private:
  DEV SharedAddress key_slot(int slot) const { return shared + Place::keys_at + slot * Place::key_bytes; }
  DEV SharedAddress value_slot(int slot) const { return shared + Place::values_at + slot * Place::value_bytes; }

  /// Boxes of an operand from First on, and of the operands behind it.
  template <int Operand = 0, int First = 0> DEV void copy_own(const Block &block) const {
    using Boxes = typename Place::OwnBoxes;
    if constexpr (First >= Boxes::length)
      copy_own<Operand + 1>(block);
    else if constexpr (Operand < Policy::own_operands) {
      const Sequence &s = block.own.sequence;
      copy_box(shared + Boxes::offset(Operand, First), Policy::template own_map<Operand, Boxes::width(First)>(args),
               First, int(s.q_start) + block.own.first, s.h, Policy::layout == Layout::packed ? 0 : s.b,
               barriers.rows_full());
      copy_own<Operand, First + Boxes::width(First)>(block);
    }
  }
  template <class Boxes, int Operand, int End, int First = 0>
  DEV void copy_streamed(const Sequence &s, SharedAddress slot, int step, SharedAddress full) const {
    constexpr int before = Operand < Policy::key_operands ? 0 : Policy::key_operands;
    if constexpr (First >= Boxes::length)
      copy_streamed<Boxes, Operand + 1, End>(s, slot, step, full);
    else if constexpr (Operand < End) {
      copy_box(slot + Boxes::offset(Operand - before, First),
               Policy::template streamed_map<Operand, Boxes::width(First)>(args), First,
               int(s.kv_start) + step * Policy::N, s.n, Policy::layout == Layout::packed ? 0 : s.b, full);
      copy_streamed<Boxes, Operand, End, First + Boxes::width(First)>(s, slot, step, full);
    }
  }

  /// One warp, of which the first lane issues the copies: a slot is filled as soon as it is empty.
  DEV void produce() const {
    const bool issues = thread_index() % kWarp == 0;
    Ring<Place::key_slots> key;
    Ring<Place::value_slots> value;
    Ring<1> rows;
    for (Walk<Policy> walk; !walk.ends(args);) {
      const Block block(args, walk.at);
      const int drawn = draw(issues);
      Steps<Policy> steps(block);
      int step = steps.next();
      if (step != kNone) {
        phase_wait_guarded(barriers.rows_empty(), rows.phase() ^ 1);
        rows.next();
        if (issues) {
          phase_arrive_expecting(barriers.rows_full(), Place::keys_at);
          copy_own(block);
        }
      }
      for (; step != kNone; step = steps.next()) {
        fill_keys(block.own.sequence, key, step, issues);
        key.next();
        fill_values(block.own.sequence, value, step, issues);
        value.next();
      }
      if constexpr (Policy::draws)
        hand_on(walk, drawn, issues);
      else
        walk.next();
    }
  }

  /// The number of the next block of rows, for the lane that issues; it is on its way while this one's copies are.
  DEV int draw(bool issues) const {
    if constexpr (Policy::draws)
      if (issues && grid_size() < Block::count(args)) return grid_size() + int(draw_number(Policy::counter(args)));
    return Block::count(args);
  }
  DEV SharedAddress draw_slot(int slot) const { return shared + Place::draws_at + 4 * slot; }
  /// From the warp that copies to all others.
  DEV void hand_on(Walk<Policy> &walk, int drawn, bool issues) const {
    auto &ring = walk.draws;
    phase_wait_guarded(barriers.draw_empty(ring.slot()), ring.phase() ^ 1);
    if (issues) {
      store_shared(draw_slot(ring.slot()), float_of(u32(drawn)));
      phase_arrive(barriers.draw_full(ring.slot()));
    }
    ring.next();
    walk.at = uniform(drawn);
  }
  /// The block of rows that follows, for all others.
  DEV void go_on(Walk<Policy> &walk) const {
    if constexpr (Policy::draws) {
      auto &ring = walk.draws;
      phase_wait(barriers.draw_full(ring.slot()), ring.phase());
      walk.at = int(bits_of(load_shared(draw_slot(ring.slot()))));
      phase_arrive(barriers.draw_empty(ring.slot()));
      ring.next();
    } else
      walk.next();
  }
  template <int Part = 0>
  DEV void fill_keys(const Sequence &s, const Ring<Place::key_slots> &key, int step, bool issues) const {
    if constexpr (Part < Place::key_parts) {
      constexpr int operands = Policy::key_operands / Place::key_parts, first = Part * operands;
      const SharedAddress full = barriers.key_full(key.slot() + Part);
      phase_wait_guarded(barriers.key_empty(key.slot() + Part), key.phase() ^ 1);
      if (issues) {
        phase_arrive_expecting(full, operands * Place::KeyBoxes::operand_bytes);
        copy_streamed<typename Place::KeyBoxes, first, first + operands>(s, key_slot(key.slot()), step, full);
      }
      fill_keys<Part + 1>(s, key, step, issues);
    }
  }
  template <int Part = 0>
  DEV void fill_values(const Sequence &s, const Ring<Place::value_slots> &value, int step, bool issues) const {
    if constexpr (Part < Place::value_parts) {
      constexpr int operands = Place::value_operands / Place::value_parts,
                    first = Policy::key_operands + Part * operands;
      const SharedAddress full = barriers.value_full(value.slot() + Part);
      phase_wait_guarded(barriers.value_empty(value.slot() + Part), value.phase() ^ 1);
      if (issues) {
        phase_arrive_expecting(full, operands * Place::ValueBoxes::operand_bytes);
        copy_streamed<typename Place::ValueBoxes, first, first + operands>(s, value_slot(value.slot()), step, full);
      }
      fill_values<Part + 1>(s, value, step, issues);
    }
  }

  DEV int load_number(int warpgroup, int slot) const { return warpgroup * Place::load_slots + slot; }
  DEV SharedAddress load_slot(int number) const { return shared + Place::loads_at + number * Place::load_bytes; }
  /// One warp for each warpgroup that multiplies: what its next tile reads for each query and key.
  DEV void load(int warpgroup) const {
    Ring<Place::load_slots> ring;
    for (Walk<Policy> walk; !walk.ends(args); go_on(walk)) {
      const Block block(args, walk.at);
      const Sequence &s = block.own.sequence;
      Steps<Policy> steps(block);
      for (int step = steps.next(), next; step != kNone; step = next) {
        next = steps.next();
        const int number = load_number(warpgroup, ring.slot());
        LoadedBox box = {block.own.first + 64 * warpgroup, block.own.length, step * Policy::N, s.kv_length};
        TileLoader<Policy::N> loader{box, load_slot(number)};
        phase_wait_guarded(barriers.load_empty(number), ring.phase() ^ 1);
        if constexpr (Policy::streamed_numbers > 0) {
          copy_statistics<Policy, kWarp>(args, load_slot(number) + Place::statistics_offset, s, Axis::key, box.key,
                                         s.kv_length, thread_index() % kWarp);
          loader.stores = true;
        }
        Policy::load(args, s, loader);
        loader.end(barriers.load_full(number));
        ring.next();
        if (next == kNone) continue;
        box.key = next * Policy::N;
        TilePrefetcher<Policy::N> nearer{box};
        Policy::load(args, s, nearer);
      }
    }
  }

  /// Zeros in rows from .. to of all operands of a kind.
  template <class Boxes, int Operands> DEV void clear_rows(SharedAddress tiles, int from, int to) const {
#pragma unroll
    for (int first = 0; first < Boxes::length; first += Boxes::width(first))
      for (int operand = 0; operand < Operands; ++operand) {
        const SharedAddress rows = tiles + Boxes::offset(operand, first);
        const int end = to * Boxes::pitch(first);
        for (int at = from * Boxes::pitch(first) + 16 * (thread_index() % (4 * kWarp)); at < end; at += 64 * kWarp)
          store_shared_words(rows + at, Words{});
      }
  }
  /// A warpgroup's own threads see what they stored, and so do the products that they begin.
  DEV void end_clearing(int warpgroup) const {
    publish_stores();
    meeting_wait(1 + Place::consumers + warpgroup, 4 * kWarp);
  }
  // Padding, and in packed tensors the next sequence, lie behind the end of one: products must not meet what they hold.
  // Both warpgroups store the same zeros.
  DEV void cut_rows(const Block &block, int warpgroup) const {
    const int end = block.own.length - block.own.first, last = 64 * (warpgroup + 1);
    if (Policy::layout == Layout::dense || end >= last) return;
    clear_rows<typename Place::OwnBoxes, Policy::own_operands>(shared, end > last - 64 ? end : last - 64, last);
    end_clearing(warpgroup);
  }
  DEV void cut_keys(const Block &block, int warpgroup, const Ring<Place::key_slots> &key, int step) const {
    const int end = block.own.sequence.kv_length - step * Policy::N;
    if (Policy::layout == Layout::dense || end >= Policy::N) return;
    for (int part = 0; part < Place::key_parts; ++part) phase_wait(barriers.key_full(key.slot() + part), key.phase());
    clear_rows<typename Place::KeyBoxes, Policy::key_operands>(key_slot(key.slot()), end, Policy::N);
    end_clearing(warpgroup);
  }
  DEV void cut_values(const Block &block, int warpgroup, const Ring<Place::value_slots> &value, int step) const {
    const int end = block.own.sequence.kv_length - step * Policy::N;
    if (Policy::layout == Layout::dense || end >= Policy::N) return;
    for (int part = 0; part < Place::value_parts; ++part)
      phase_wait(barriers.value_full(value.slot() + part), value.phase());
    clear_rows<typename Place::ValueBoxes, Place::value_operands>(value_slot(value.slot()), end, Policy::N);
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

  /// What a warpgroup keeps from one block of rows to the next.
  struct Progress {
    Ring<Place::key_slots> key;
    Ring<Place::value_slots> value;
    Ring<1> rows;
    Ring<Place::load_slots> load;
    Operands operands;
  };

  /// From scores under way to packed weights.
  DEV void meet(State &state, const Block &block, Progress &progress, int step, bool partial) const {
    auto &[key, value, rows, load, at] = progress;
    const int loaded = load_number(thread_index() / (4 * kWarp), load.slot());
    const Streamed<Policy> tile{0u, step * Policy::N, load_slot(loaded) + Place::statistics_offset};
    if constexpr (Policy::loads) {
      phase_wait(barriers.load_full(loaded), load.phase());
      state.take(load_slot(loaded));
    }
    Keep<1, Policy::N> keep;
    keep.all();
    if constexpr (Policy::drops_by_bias) partial |= state.drops(tile);
    if (partial) {
      block.find_kept(keep, tile);
      if constexpr (Policy::loads) state.clear_dropped(keep);
    }
    end_group<0>(key);
    state.meet_early(args, block.own, block.own.sequence, tile, keep, partial);
    if constexpr (Policy::late) {
      end_group<1>(key);
      state.meet_late(args, block.own, block.own.sequence, tile, keep, partial);
    }
    if constexpr (Policy::loads) {
      phase_arrive(barriers.load_empty(loaded));
      load.next();
    }
    key.next();
  }

  /// Waits for a group of score products, and gives back the keys that no later one reads; after the first group of
  /// late scores for all others too.
  template <int Group> DEV void end_group(const Ring<Place::key_slots> &key) const {
    constexpr int groups = !Policy::late ? 0 : Place::key_parts > 1 ? Policy::late_groups : 1;
    wait_products<groups - Group>();
    if constexpr (Place::key_parts > 1) {
#pragma unroll
      for (int o = 0; o < Place::key_parts; ++o)
        if (Policy::key_group(o) == Group) release(barriers.key_empty(o));
    } else if (Group == groups)
      release(barriers.key_empty(key.slot()));
    if constexpr (0 < Group && Group < groups) end_group<Group + 1>(key);
  }
  /// The slots that the next products read; operands that come one by one are awaited by their products.
  DEV void take_keys(Operands &at, const Ring<Place::key_slots> &key) const {
    if constexpr (Place::key_parts == 1) phase_wait(barriers.key_full(key.slot()), key.phase());
    at.keys = key_slot(key.slot()) >> 4, at.keys_full = barriers.key_full(0), at.key_phase = key.phase();
  }
  DEV void take_values(Operands &at, const Ring<Place::value_slots> &value) const {
    if constexpr (Place::value_parts == 1) phase_wait(barriers.value_full(value.slot()), value.phase());
    at.values = value_slot(value.slot()) >> 4, at.values_full = barriers.value_full(0), at.value_phase = value.phase();
  }
  DEV void release_values(const Ring<Place::value_slots> &value) const {
    for (int part = 0; part < Place::value_parts; ++part) release(barriers.value_empty(value.slot() + part));
  }

  /// All blocks of rows of this block of threads. The right to issue products goes round through all of them.
  DEV void consume(int warpgroup) const {
    Progress at;
    at.operands.warpgroup = u32(warpgroup);
    at.operands.rows = (shared + warpgroup * 64 * Place::OwnBoxes::pitch(0)) >> 4;
    if (warpgroup == Place::consumers - 1) pass_turn(warpgroup);
    for (Walk<Policy> walk; !walk.ends(args); go_on(walk)) {
      const Block block(args, walk.at);
      State state;
      state.clear();
      state.enter(args, block.own, block.own.sequence);
      Steps<Policy> steps(block);
      const int first = steps.next();
      if (first != kNone) meet_all(state, block, steps, first, warpgroup, at);
      if constexpr (Policy::divides)
        if (block.parts > 1) {
          state.save(args.division.template numbers<Policy>(walk.at - int(args.division.whole)));
          continue;
        }
      state.leave(args, block.own);
    }
    if (warpgroup == 0) take_turn(warpgroup); // the last turn is nobody's
  }

  /// A turn covers the output products of one tile and the scores of the next.
  DEV void meet_all(State &state, const Block &block, Steps<Policy> &steps, int step, int warpgroup,
                    Progress &progress) const {
    auto &[key, value, rows, load, at] = progress;
    phase_wait(barriers.rows_full(), rows.phase());
    rows.next();
    cut_rows(block, warpgroup);
    cut_keys(block, warpgroup, key, step);
    take_turn(warpgroup);
    take_keys(at, key);
    state.multiply_early(at);
    if constexpr (Policy::late) state.multiply_late(at);
    pass_turn(warpgroup);
    meet(state, block, progress, step, steps.partial());
    for (int next; (next = steps.next()) != kNone; step = next) { // only the last tile is ever cut
      cut_keys(block, warpgroup, key, next);
      take_turn(warpgroup);
      take_values(at, value);
      state.multiply_outputs(at);
      take_keys(at, key);
      state.multiply_early(at);
      wait_products<1>();
      state.hold_outputs();
      release_values(value);
      value.next();
      if constexpr (Policy::late) state.multiply_late(at);
      pass_turn(warpgroup);
      meet(state, block, progress, next, steps.partial());
    }
    release(barriers.rows_empty());
    cut_values(block, warpgroup, value, step);
    take_turn(warpgroup);
    take_values(at, value);
    state.multiply_outputs(at);
    pass_turn(warpgroup);
    wait_products<0>();
    state.hold_outputs();
    release_values(value);
    value.next();
  }
};
