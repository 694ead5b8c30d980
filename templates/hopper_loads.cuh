// Tensors with a number for each query and key, as biases: tiles of them in shared memory. A warp beside the copying
// one loads them for each warpgroup that multiplies, while products run.
#pragma once

#include "hopper_primitives.cuh"
#include "sweep.cuh"

/// 64 rows of N numbers in memory's type. Piece p of a row, 16 bytes, lies in place p ^ swizzle(row): the pieces that
/// eight rows have in one column lie in different banks.
template <class Type, int N> struct LoadedLayout {
  static constexpr int pitch = N * Type::bytes, pieces = pitch / 16, bytes = 64 * pitch;
  static constexpr int divisor = pieces & -pieces, width = divisor < 8 ? divisor : 8;
  static DEV int swizzle(int row) { return row / (8 / width) % width; }
};

// ---- a thread's entries ----

/// The tile as the threads of a warpgroup read it, each its own entries alone.
template <class Type, int N> struct LoadedTile {
  using Layout = LoadedLayout<Type, N>;
  static constexpr int per_word = 4 / Type::bytes;
  SharedAddress row; ///< the thread's first
  u32 column;        ///< its first byte in a row, swizzled

  /// The thread's four entries of eight columns.
  struct Columns {
    u32 word[4 / per_word];
    DEV float operator()(int e) const {
      if constexpr (Type::bytes == 4)
        return float_of(word[e]);
      else
        return Type::to_float(u16(word[e / 2] >> 16 * (e & 1)));
    }
  };

  DEV void take(SharedAddress tile) {
    const int lane = thread_index() % kWarp, first = thread_index() / kWarp % 4 * 16 + lane / 4;
    row = tile + first * Layout::pitch;
    column = u32(2 * Type::bytes * (lane % 4)) ^ u32(16 * Layout::swizzle(first));
  }
  DEV Columns columns(int n) const {
    Columns out;
#pragma unroll
    for (int r = 0; r < 2; ++r)
      if constexpr (Type::bytes == 4) {
        float pair[2];
        load_shared_pair(pair[0], pair[1], place(n, r));
        out.word[2 * r] = bits_of(pair[0]), out.word[2 * r + 1] = bits_of(pair[1]);
      } else
        out.word[r] = bits_of(load_shared(place(n, r)));
    return out;
  }
  /// Whether one of the thread's numbers is -infinity, whose bits are the greatest of all numbers'; a negative NaN
  /// counts as one.
  DEV bool has_minus_infinity() const {
    u32 most = 0;
#pragma unroll
    for (int n = 0; n < N / 8; ++n) {
      const Columns x = columns(n);
#pragma unroll
      for (u32 word : x.word) most = greatest_bits<Type::bytes>(most, word);
    }
    constexpr u32 bits = Type::minus_infinity_bits;
    return Type::bytes == 4 ? most >= bits : (most & 0xffffu) >= bits || most >> 16 >= bits;
  }
  /// 0 at entries that do not count.
  DEV void clear_dropped(const Keep<1, N> &keep) const {
#pragma unroll
    for (int start = 0; start < N / 8; start += 8)
#pragma unroll 1
      for (int n = start; n < start + 8 && n < N / 8; ++n) {
        const u32 bits = keep.bits[0][start / 8] >> 4 * (n - start);
        Columns x = columns(n);
#pragma unroll
        for (int e = 0; e < 4; ++e)
          if (!(bits >> e & 1u)) x.word[e / per_word] &= Type::bytes == 4 ? 0u : e & 1 ? 0x0000ffffu : 0xffff0000u;
#pragma unroll
        for (int k = 0; k < 4 / per_word; ++k)
          store_shared(place(n, k * per_word / 2) + 4 * (k % (4 / per_word / 2)), float_of(x.word[k]));
      }
  }

private:
  /// Of columns 8 n and on, in the thread's row 0 or 1.
  DEV SharedAddress place(int n, int r) const {
    return row + (u32(8 * Type::bytes * n) ^ column) + 8 * r * Layout::pitch;
  }
};

// ---- the warp that loads ----

/// What a tile meets of tensors: 64 rows from `first` on, N columns from `key` on, and the lengths of these axes. Rows
/// beyond the length repeat the last one; columns beyond the length may hold anything: they do not count, and who reads
/// them clears them.
struct LoadedBox {
  int first, length, key, keys;
  DEV int row(int r) const { return first + r < length ? first + r : length - 1; }
  template <class Type> DEV const typename Type::Memory *rows(const Tensor &t, const Sequence &place, int head) const {
    return element<Type>(t, place.b, head, place.q_start, place.kv_start + key);
  }
};

/// Asks for a tile's rows to come nearer.
template <int N> struct TilePrefetcher {
  LoadedBox box;

  template <class Type> DEV void load(const Tensor &t, const Sequence &place, int head, int) const {
    constexpr int line = 128 / Type::bytes;
    const auto *from = box.template rows<Type>(t, place, head);
#pragma unroll 1
    for (int r = thread_index() % kWarp; r < 64; r += kWarp)
      for (int j = 0; j < N && box.key + j < box.keys; j += line)
        prefetch_line(from + box.row(r) * t.stride[int(Axis::query)] + j * t.stride[int(Axis::key)]);
  }
};

/// Loads a tile's rows to shared memory, as far as 16 bytes lie together, by these, else by words, else by numbers.
template <int N> struct TileLoader {
  LoadedBox box;
  SharedAddress tile;
  bool stores = false; ///< some numbers were stored by the threads themselves

  template <class Type> DEV void load(const Tensor &t, const Sequence &place, int head, int offset) {
    const auto *from = box.template rows<Type>(t, place, head);
    const i64 stride = t.stride[int(Axis::query)], step = t.stride[int(Axis::key)];
    if (step == 1 && together(from, stride, 16))
      if (kWarp % LoadedLayout<Type, N>::pieces == 0 && box.first + 64 <= box.length && box.key + N <= box.keys)
        copy_whole<Type>(tile + offset, from + box.first * stride, stride);
      else
        copy_pieces<Type, 16>(tile + offset, from, stride);
    else if (step == 1 && together(from, stride, 4))
      copy_pieces<Type, 4>(tile + offset, from, stride);
    else
      gather_pieces<Type>(tile + offset, from, stride, step);
  }
  /// All that was asked for has come when the barrier says so.
  DEV void end(SharedAddress full) const {
    if (!stores) return phase_arrive_after_copies(full);
    commit_copies();
    wait_copies<0>();
    phase_arrive(full);
  }

private:
  /// Whether all rows begin at multiples of so many bytes.
  template <class Memory> static DEV bool together(const Memory *from, i64 stride, int bytes) {
    return ((reinterpret_cast<unsigned long long>(from) | static_cast<unsigned long long>(stride) * sizeof(Memory)) &
            (bytes - 1)) == 0;
  }

  /// Opaque: else what follows from it takes registers through all loops.
  static DEV int lane() { return int(opaque(u32(thread_index() % kWarp))); }

  /// A whole tile: a lane has one column of pieces.
  template <class Type> DEV void copy_whole(SharedAddress to, const typename Type::Memory *from, i64 stride) const {
    using Layout = LoadedLayout<Type, N>;
    constexpr int rows = kWarp / Layout::pieces > 0 ? kWarp / Layout::pieces : 1; // of a copy by the warp
    const int at = lane(), first = at / Layout::pieces, piece = at % Layout::pieces;
    const auto *x = reinterpret_cast<const char *>(from + first * stride) + 16 * piece;
    const i64 step = rows * stride * Type::bytes;
    to += first * Layout::pitch;
    const int place = 16 * (piece ^ Layout::swizzle(first)); // swizzle(r + first) = swizzle(r) ^ swizzle(first)
#pragma unroll 4                                             // all at once would take more registers than the warp has
    for (int r = 0; r < 64; r += rows, x += step)
      copy_async(to + (place ^ 16 * Layout::swizzle(r)) + r * Layout::pitch, x, true);
  }
  /// Pieces go round the lanes, row by row, in copies of `Bytes` bytes; one that the keys end in is gathered.
  template <class Type, int Bytes>
  DEV void copy_pieces(SharedAddress to, const typename Type::Memory *from, i64 stride) {
    using Layout = LoadedLayout<Type, N>;
    constexpr int numbers = 16 / Type::bytes;
#pragma unroll 1
    for (int at = lane(); at < 64 * Layout::pieces; at += kWarp) {
      const int r = at / Layout::pieces, piece = at % Layout::pieces, left = box.keys - box.key - piece * numbers;
      const typename Type::Memory *x = from + box.row(r) * stride + piece * numbers;
      const SharedAddress there = to + r * Layout::pitch + 16 * (piece ^ Layout::swizzle(r));
      if (left >= numbers) {
        if constexpr (Bytes == 16)
          copy_async(there, x, true);
        else
#pragma unroll
          for (int k = 0; k < 4; ++k) copy_async_number(there + 4 * k, reinterpret_cast<const float *>(x) + k, true);
      } else if (left > 0) {
        store_shared_words(there, gather_piece<Type>(x, 1, left));
        stores = true;
      }
    }
    stores = any_in_warp(stores);
  }
  template <class Type>
  DEV void gather_pieces(SharedAddress to, const typename Type::Memory *from, i64 stride, i64 step) {
    using Layout = LoadedLayout<Type, N>;
    constexpr int numbers = 16 / Type::bytes;
#pragma unroll 1
    for (int at = lane(); at < 64 * Layout::pieces; at += kWarp) {
      const int r = at / Layout::pieces, piece = at % Layout::pieces, left = box.keys - box.key - piece * numbers;
      store_shared_words(to + r * Layout::pitch + 16 * (piece ^ Layout::swizzle(r)),
                         gather_piece<Type>(from + box.row(r) * stride + piece * numbers * step, step, left));
    }
    stores = true;
  }
  /// The first `left` numbers of a piece, zeros behind them.
  template <class Type> static DEV Words gather_piece(const typename Type::Memory *from, i64 step, int left) {
    constexpr int per_word = 4 / Type::bytes;
    Words words = {};
#pragma unroll
    for (int k = 0; k < 4 * per_word; ++k)
      if (k < left) {
        if constexpr (Type::bytes == 4)
          words.w[k] = bits_of(from[k * step]);
        else
          words.w[k / 2] |= u32(from[k * step]) << 16 * (k & 1);
      }
    return words;
  }
};
