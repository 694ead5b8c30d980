// The types that products work on: how their operands lie in registers, and how two of them are multiplied.
#pragma once

#include "primitives.cuh"

// A left operand is 16 rows by 32 bytes, a right operand 16 columns by 32 bytes (two mma columns groups, `half` names
// one). In memory both are rows whose bytes run along the summed index. A *deep* operand spans 16 summed rows in any
// type: weights on the left, rows of the streamed matrix on the right.

/// The lane's part in loading 16 rows by 32 bytes as a left operand; also in loading them transposed.
DEV u32 left_lane_offset(int lane, int pitch) { return (lane & 15) * pitch + (lane >> 4) * 16; }
/// The lane's part in loading 16 rows by 32 bytes as a right operand.
DEV u32 right_lane_offset(int lane, int pitch) {
  return ((lane & 7) + ((lane >> 4) & 1) * 8) * pitch + ((lane >> 3) & 1) * 16;
}

/// What bf16 and f16 share.
struct Element16 {
  static constexpr int bytes = 2, step = 16; ///< `step` elements of the summed index per operand
  using Memory = u16;
  struct Left {
    u32 x[4];
  };
  struct Right {
    u32 x[4];
  };
  using DeepRight = Right;

  static DEV void load_left(Left &a, SharedAddress at) { load_matrices(a.x, at); }
  static DEV void load_right(Right &b, SharedAddress at) { load_matrices(b.x, at); }
  static DEV u32 deep_lane_offset(int lane, int pitch) { return left_lane_offset(lane, pitch); }
  static DEV void load_deep(DeepRight &b, SharedAddress at, int) { load_matrices_transposed(b.x, at); }
};

struct Bf16 : Element16 {
  static constexpr u32 minus_infinity_bits = 0xff80u;
  static DEV u32 pack(float low, float high) { return pack_bf16(low, high); }
  static DEV float low(u32 pair) { return float_of(pair << 16); }
  static DEV float high(u32 pair) { return float_of(pair & 0xffff0000u); }
  static DEV void multiply(float (&c)[4], const Left &a, const Right &b, int half) {
    mma_bf16(c, a.x, b.x[2 * half], b.x[2 * half + 1]);
  }
  static DEV void multiply_deep(float (&c)[4], const Left &a, const DeepRight &b, int half) { multiply(c, a, b, half); }
  static DEV float to_float(u16 x) { return float_of(u32(x) << 16); }
  static DEV u16 from_float(float x) { return u16(pack_bf16(x, 0.f)); }
};

struct F16 : Element16 {
  static constexpr u32 minus_infinity_bits = 0xfc00u;
  static DEV u32 pack(float low, float high) { return pack_f16(low, high); }
  static DEV float low(u32 pair) { return float_of_f16(u16(pair)); }
  static DEV float high(u32 pair) { return float_of_f16(u16(pair >> 16)); }
  static DEV void multiply(float (&c)[4], const Left &a, const Right &b, int half) {
    mma_f16(c, a.x, b.x[2 * half], b.x[2 * half + 1]);
  }
  static DEV void multiply_deep(float (&c)[4], const Left &a, const DeepRight &b, int half) { multiply(c, a, b, half); }
  static DEV float to_float(u16 x) { return float_of_f16(x); }
  static DEV u16 from_float(float x) { return u16(pack_f16(x, 0.f)); }
};

/// x = big + small, both TF32:  a b = big(a) big(b) + big(a) small(b) + small(a) big(b)  to about float32's precision.
/// With Terms = 1 only the first product is taken: plain TF32.
template <int Terms> struct Float32 {
  static constexpr u32 minus_infinity_bits = 0xff800000u;
  static constexpr int bytes = 4, step = 8;
  using Memory = float;
  static constexpr bool splits = Terms == 3;
  struct Left {
    u32 big[4], small[4];
  };
  using Right = Left;
  struct DeepRight {
    Right rows[2]; ///< summed rows 0..7 and 8..15
  };

  static DEV void split(float x, u32 &big, u32 &small) {
    big = round_tf32(x);
    small = splits ? round_tf32(x - float_of(big)) : 0u;
  }
  /// A number as products read it.
  static DEV float rounded(float x) { return splits ? x : float_of(round_tf32(x)); }
  static DEV void load_left(Left &a, SharedAddress at) {
    u32 x[4];
    load_matrices(x, at);
#pragma unroll
    for (int i = 0; i < 4; ++i) split(float_of(x[i]), a.big[i], a.small[i]);
  }
  static DEV void load_right(Right &b, SharedAddress at) { load_left(b, at); }

  // Weights keep the columns 2 t and 2 t + 1 in lane t: summed row t of an mma is column 2 t, row t + 4 is column 2 t
  // + 1.
  static DEV u32 deep_lane_offset(int lane, int pitch) { return 2 * (lane & 3) * pitch + (lane >> 2) * 4; }
  static DEV void load_deep(DeepRight &b, SharedAddress at, int pitch) {
#pragma unroll
    for (int k = 0; k < 2; ++k)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        split(load_shared(at + (8 * k + (i & 1)) * pitch + (i >> 1) * 32), b.rows[k].big[i], b.rows[k].small[i]);
  }
  /// The tensor cores truncate sums: with three terms each step starts at 0, and steps are added up in float32.
  static DEV void multiply(float (&c)[4], const Left &a, const Right &b, int half) {
    if constexpr (splits) {
      float step_sum[4] = {0.f, 0.f, 0.f, 0.f};
      mma_tf32(step_sum, a.small, b.big[2 * half], b.big[2 * half + 1]);
      mma_tf32(step_sum, a.big, b.small[2 * half], b.small[2 * half + 1]);
      mma_tf32(step_sum, a.big, b.big[2 * half], b.big[2 * half + 1]);
#pragma unroll
      for (int i = 0; i < 4; ++i) c[i] += step_sum[i];
    } else {
      mma_tf32(c, a.big, b.big[2 * half], b.big[2 * half + 1]);
    }
  }
  static DEV float to_float(float x) { return x; }
  static DEV float from_float(float x) { return x; }
};

using Tf32x3 = Float32<3>;
using Tf32 = Float32<1>;
