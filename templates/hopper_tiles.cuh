// What the roles of Hopper's row sweep share: where tiles and barriers lie, and products of tiles.
#pragma once

#include "hopper_boxes.cuh"
#include "hopper_loads.cuh"

/// Shared memory, from the first multiple of 1024 bytes on: owned tiles, slots of keys, slots of values, slots of
/// loaded tiles, barriers, numbers of blocks that were drawn.
template <class Policy> struct HopperPlacement {
  static constexpr int own_rows = Policy::own_rows, consumers = own_rows / 64, threads = kWarp * Policy::warps;
  static constexpr int key_slots = (Policy::stages + 1) / 2, value_slots = Policy::stages / 2;
  static constexpr int value_operands = Policy::streamed_operands - Policy::key_operands;
  /// A slot is filled and emptied as a whole; where there is one alone, operand by operand.
  static constexpr int key_parts = key_slots == 1 ? Policy::key_operands : 1,
                       value_parts = value_slots == 1 ? value_operands : 1, most_parts = 4;
  static_assert(key_parts <= most_parts && value_parts <= most_parts);
  static constexpr int draw_slots = 2;
  /// Of what is loaded for each query and key; each warpgroup has slots of its own.
  static constexpr int load_slots = !Policy::loads ? 0 : value_slots == 1 ? 2 : 1;
  static constexpr int alignment = 1024;
  /// Of each thread: what the launch gave to all threads alike is shared out anew, and a warpgroup that asks for more
  /// than the others have left waits for ever. Loops over tensors need some more.
  static constexpr int producer_registers = Policy::judges_by_memory ? 40 : 24,
                       consumer_registers = Policy::judges_by_memory ? 232 : 240;
  static_assert(producer_registers + consumers * consumer_registers <= (consumers + 1) * (65536 / threads / 8 * 8));

  using OwnBoxes = Boxes<Policy::own_features(0), Policy::own_operands, own_rows, false>;
  using KeyBoxes = Boxes<Policy::streamed_features(0), Policy::key_operands, Policy::N, false>;
  using ValueBoxes = Boxes<Policy::streamed_features(Policy::key_operands), value_operands, Policy::N, true>;
  static DEV constexpr int aligned(int bytes) { return (bytes + alignment - 1) / alignment * alignment; }
  static constexpr int key_bytes = aligned(KeyBoxes::bytes), value_bytes = aligned(ValueBoxes::bytes);
  static constexpr int keys_at = OwnBoxes::bytes, values_at = keys_at + key_slots * key_bytes,
                       loads_at = values_at + value_slots * value_bytes;
  /// Of a warpgroup's slot: 64 rows of each tensor, then the statistics of keys.
  static DEV constexpr int load_offset(int tensor) {
    int at = 0;
    for (int o = 0; o < tensor; ++o) at += 64 * Policy::N * Policy::loaded_bytes(o);
    return at;
  }
  static constexpr int statistics_offset = load_offset(Policy::loaded_tensors),
                       load_bytes = statistics_offset + 4 * Policy::N * Policy::streamed_numbers,
                       barriers_at = loads_at + consumers * load_slots * load_bytes;
  static DEV constexpr int barriers_of(int slots) { return 2 * (slots == 1 ? most_parts : slots); }
  static constexpr int barriers =
      2 + barriers_of(key_slots) + barriers_of(value_slots) + 2 * consumers * load_slots + 2 * draw_slots;
  static constexpr int draws_at = barriers_at + 8 * barriers;
  static DEV constexpr int shared_bytes() { return alignment + draws_at + 4 * draw_slots; }
};

/// A place in a ring of slots that is gone round twice, once for each phase of their barriers: one register.
template <int Slots> struct Ring {
  int at = 0;
  DEV int slot() const { return Slots == 1 ? 0 : at < Slots ? at : at - Slots; }
  DEV u32 phase() const { return u32(at >= Slots); }
  DEV void next() { at = at + 1 == 2 * Slots ? 0 : at + 1; }
};

/// Addresses of the barriers, of slots by number or of a single slot's operands.
template <class Policy> struct Barriers {
  using Place = HopperPlacement<Policy>;
  static constexpr int keys = Place::key_slots * Place::key_parts, values = Place::value_slots * Place::value_parts,
                       loads = Place::consumers * Place::load_slots;
  SharedAddress at;
  DEV SharedAddress rows_full() const { return at; }
  DEV SharedAddress rows_empty() const { return at + 8; }
  DEV SharedAddress key_full(int number) const { return at + 8 * (2 + number); }
  DEV SharedAddress key_empty(int number) const { return at + 8 * (2 + keys + number); }
  DEV SharedAddress value_full(int number) const { return at + 8 * (2 + 2 * keys + number); }
  DEV SharedAddress value_empty(int number) const { return at + 8 * (2 + 2 * keys + values + number); }
  DEV SharedAddress load_full(int number) const { return at + 8 * (2 + 2 * keys + 2 * values + number); }
  DEV SharedAddress load_empty(int number) const { return load_full(loads + number); }
  DEV SharedAddress draw_full(int slot) const { return load_full(2 * loads + slot); }
  DEV SharedAddress draw_empty(int slot) const { return draw_full(Place::draw_slots + slot); }
  DEV void init() const {
    phase_init(rows_full(), 1), phase_init(rows_empty(), 4 * Place::consumers);
    for (int k = 0; k < keys; ++k) phase_init(key_full(k), 1), phase_init(key_empty(k), 4 * Place::consumers);
    for (int k = 0; k < values; ++k) phase_init(value_full(k), 1), phase_init(value_empty(k), 4 * Place::consumers);
    // Products are awaited by whole warps; who reads numbers by itself also says by itself that it has.
    for (int k = 0; k < loads; ++k) phase_init(load_full(k), kWarp), phase_init(load_empty(k), 4 * kWarp);
    for (int k = 0; k < Place::draw_slots; ++k)
      phase_init(draw_full(k), 1), phase_init(draw_empty(k), (4 + (loads ? 1 : 0)) * Place::consumers * kWarp);
    phase_init_end();
  }
};

// ---- products ----

/// Where the operands of a warpgroup's products lie, in units of 16 bytes (of its rows the first box), and the barriers
/// of operands that come one by one.
struct Operands {
  u32 warpgroup, rows, keys, values;
  SharedAddress keys_full, values_full;
  u32 key_phase, value_phase;
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
  using Rows = typename Place::OwnBoxes;
  using Keys = typename Place::KeyBoxes;
  static_assert(Rows::length == Keys::length);
  if constexpr (Place::key_parts > 1) phase_wait(at.keys_full + 8 * Key, at.key_phase);
#pragma unroll
  for (int f = 0; f < Keys::length; f += 16) {
    const int first = Keys::first(f), pitch = Keys::pitch(first), inside = 2 * (f - first);
    const u32 nearer = at.warpgroup * u32(64 * (Rows::pitch(0) - pitch) >> 4); // rows of narrow boxes lie closer
    const MatrixDescriptor a = descriptor(pitch, at.rows - nearer, Rows::offset(Own, first) + inside),
                           b = descriptor(pitch, at.keys, Keys::offset(Key, first) + inside);
    if (Adds || f)
      wgmma_shared<true>(typename Policy::Element{}, scores.x[0], a, b);
    else
      wgmma_shared<false>(typename Policy::Element{}, scores.x[0], a, b);
  }
}

/// output += weights[k .. k + 16) value operand
template <class Policy, int Value, int F>
DEV void multiply_output(Tile<1, F> &output, const Weights<typename Policy::Element, 1, Policy::N> &weights, int k,
                         const Operands &at) {
  using Values = typename HopperPlacement<Policy>::ValueBoxes;
  constexpr int pitch = Values::pitch(0), box_to_box = Values::offset(0, Values::width(0));
  wgmma_registers(typename Policy::Element{}, output.x[0], weights.word[0][k / 16],
                  descriptor(pitch, at.values | u32(box_to_box >> 4) << 16,
                             Values::offset(Value - Policy::key_operands, 0) + k * pitch));
}

/// output += weights value operand, which comes by itself
template <class Policy, int Value, int F>
DEV void multiply_output(Tile<1, F> &output, const Weights<typename Policy::Element, 1, Policy::N> &weights,
                         const Operands &at) {
  phase_wait(at.values_full + 8 * (Value - Policy::key_operands), at.value_phase);
#pragma unroll
  for (int k = 0; k < Policy::N; k += 16) multiply_output<Policy, Value>(output, weights, k, at);
}

template <int N> DEV void hold(Tile<1, N> &tile) { hold(tile.x[0]); }
template <int N> DEV void forget(Tile<1, N> &tile) { forget(tile.x[0]); }
template <class Element, int N> DEV void hold(Weights<Element, 1, N> &weights) { hold(weights.word[0]); }
