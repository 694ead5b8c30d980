// Where tensors lie: sequences of any layout, elements of any type, and copies of rows to shared memory.
#pragma once

#include "abi.cuh"
#include "elements.cuh"

/// One sequence of one head: what a block works on.
struct Sequence {
  int b, h, n;             ///< batch, query head, key head
  int q_length, kv_length; ///< of this sequence
  i64 q_start, kv_start;   ///< its first row in packed tensors, 0 in others
};

/// The same sequence in tensors where each has rows of its own: the workspace, biases, masks.
DEV Sequence with_own_rows(Sequence s) {
  s.q_start = s.kv_start = 0;
  return s;
}

/// Lengths as the layout tells them: the problem's, one number a sequence, or differences of offsets.
DEV void measure_dense(Sequence &s, const Problem &p) {
  s.q_length = int(p.q_length), s.kv_length = int(p.kv_length);
  s.q_start = s.kv_start = 0;
}
DEV void measure_padded(Sequence &s, const Tensor &q_lengths, const Tensor &kv_lengths) {
  s.q_length = static_cast<const int *>(q_lengths.data)[s.b * q_lengths.stride[0]];
  s.kv_length = static_cast<const int *>(kv_lengths.data)[s.b * kv_lengths.stride[0]];
  s.q_start = s.kv_start = 0;
}
DEV void measure_packed(Sequence &s, const Tensor &q_offsets, const Tensor &kv_offsets) {
  const int *q = static_cast<const int *>(q_offsets.data) + s.b * q_offsets.stride[0];
  const int *kv = static_cast<const int *>(kv_offsets.data) + s.b * kv_offsets.stride[0];
  s.q_start = q[0], s.q_length = q[q_offsets.stride[0]] - q[0];
  s.kv_start = kv[0], s.kv_length = kv[kv_offsets.stride[0]] - kv[0];
}

/// Elements of a type in memory.
struct Int32 {
  using Memory = int;
};
struct Int8 {
  using Memory = signed char;
};

// Strides count along b, head, i, j.
enum class Axis { query = 2, key = 3 };

template <class Type> DEV typename Type::Memory *element(const Tensor &t, int b, int head, i64 i, i64 j) {
  return static_cast<typename Type::Memory *>(t.data) +
         (b * t.stride[0] + head * t.stride[1] + i * t.stride[2] + j * t.stride[3]);
}
/// A number at (i, j) of a sequence; i or j is 0 where the tensor lacks it.
template <class Type> DEV float number(const Tensor &t, const Sequence &s, int head, int i, int j) {
  return Type::to_float(*element<Type>(t, s.b, head, s.q_start + i, s.kv_start + j));
}
/// An integer at (i, j) of a sequence.
template <class Type> DEV int integer(const Tensor &t, const Sequence &s, int head, int i, int j) {
  return int(*element<Type>(t, s.b, head, s.q_start + i, s.kv_start + j));
}
// Masks that read a boolean tensor are judged before the sweeps, in boxes: bit 0 of a box's byte says that some entry
// counts, bit 1 that one does not.
constexpr int kBoxQueries = 128, kBoxKeys = 16;

/// The bits of all boxes that i0 .. i1, j0 .. j1 meets.
DEV int judged_boxes(const Tensor &boxes, int b, int head, int i0, int i1, int j0, int j1) {
  int bits = 0;
#pragma unroll 1
  for (int i = i0 / kBoxQueries; i <= i1 / kBoxQueries; ++i)
#pragma unroll 1
    for (int j = j0 / kBoxKeys; j <= j1 / kBoxKeys; ++j) bits |= *element<Int8>(boxes, b, head, i, j);
  return bits;
}
/// The least and the greatest integer of rows first .. last of one axis, found by the warp together.
DEV void integer_range(const Tensor &t, const Sequence &s, int head, Axis axis, int first, int last, int &least_of,
                       int &greatest_of) {
  const int length = axis == Axis::query ? s.q_length : s.kv_length;
  last = last < length ? last : length - 1;
  int low = 0x7fffffff, high = -0x7fffffff - 1;
  for (int at = first + thread_index() % kWarp; at <= last; at += kWarp) {
    const int x = axis == Axis::query ? integer<Int32>(t, s, head, at, 0) : integer<Int32>(t, s, head, 0, at);
    low = x < low ? x : low, high = x > high ? x : high;
  }
#pragma unroll
  for (int mask = 16; mask; mask /= 2) {
    const int x = int(bits_of(shuffle_xor(float_of(u32(low)), mask))),
              y = int(bits_of(shuffle_xor(float_of(u32(high)), mask)));
    low = x < low ? x : low, high = y > high ? y : high;
  }
  least_of = low, greatest_of = high;
}

/// The pointer to the first feature of row 0 of a sequence.
template <class Type> DEV const char *rows_of(const Tensor &t, const Sequence &s, int head, Axis axis) {
  return reinterpret_cast<const char *>(axis == Axis::query ? element<Type>(t, s.b, head, s.q_start, 0)
                                                            : element<Type>(t, s.b, head, 0, s.kv_start));
}

/// 16 bytes of a row that is not aligned to 16 bytes, from its elements.
template <class Type> DEV Words gather(const char *from) {
  constexpr int per_word = 4 / Type::bytes;
  Words words;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const typename Type::Memory *x = reinterpret_cast<const typename Type::Memory *>(from) + i * per_word;
    if constexpr (Type::bytes == 4)
      words.w[i] = bits_of(*x);
    else
      words.w[i] = u32(x[0]) | u32(x[1]) << 16;
  }
  return words;
}

/// Copies `Rows` rows of `Features` features, from row `first` on, to shared memory; what lies beyond `length` or
/// beyond the features up to the next multiple of 16 becomes zero. The copies end when their group does.
template <class Type, int Rows, int Features, int Threads>
DEV void copy_rows(SharedAddress to, int pitch, const Tensor &t, const Sequence &s, int head, Axis axis, int first,
                   int length) {
  constexpr int per_chunk = 16 / Type::bytes, chunks = (Features + 15) / 16 * 16 / per_chunk;
  const char *base = rows_of<Type>(t, s, head, axis);
  const i64 stride = t.stride[int(axis)] * Type::bytes;
  const bool aligned =
      ((reinterpret_cast<unsigned long long>(base) | static_cast<unsigned long long>(stride)) & 15) == 0;
#pragma unroll
  for (int start = 0; start < Rows * chunks; start += Threads) {
    const int at = start + thread_index(), row = at / chunks, chunk = at % chunks;
    if (Rows * chunks % Threads && at >= Rows * chunks) break;
    const bool valid = first + row < length && chunk * per_chunk < Features;
    const char *from = base + (valid ? (first + row) * stride + chunk * 16 : 0);
    const SharedAddress there = to + row * pitch + chunk * 16;
    if (aligned)
      copy_async(there, from, valid);
    else
      store_shared_words(there, valid ? gather<Type>(from) : Words{});
  }
}

/// Copies one number of each of `Rows` rows to shared memory, as float32; zero beyond `length`. `thread` is the number
/// of the caller among `Threads`.
template <class Type, int Rows, int Threads>
DEV void copy_numbers(SharedAddress to, const Tensor &t, const Sequence &s, int head, Axis axis, int first, int length,
                      int thread) {
#pragma unroll
  for (int start = 0; start < Rows; start += Threads) {
    const int row = start + thread;
    if (row >= Rows) break;
    const bool valid = first + row < length;
    const auto *from = reinterpret_cast<const typename Type::Memory *>(rows_of<Type>(t, s, head, axis)) +
                       (valid ? (first + row) * t.stride[int(axis)] : 0);
    if constexpr (Type::bytes == 4)
      copy_async_number(to + 4 * row, from, valid);
    else
      store_shared(to + 4 * row, valid ? Type::to_float(*from) : 0.f);
  }
}

/// Stores the features f and f + 1 of a row.
template <class Type> DEV void store_pair(typename Type::Memory *row, int f, float x, float y) {
  auto *to = row + f;
  if constexpr (Type::bytes == 2) {
    if ((reinterpret_cast<unsigned long long>(to) & 3) == 0) {
      *reinterpret_cast<u32 *>(to) = Type::pack(x, y);
      return;
    }
  }
  to[0] = Type::from_float(x), to[1] = Type::from_float(y);
}
