// Tiles in registers: scores, weights, accumulators of one warp, and what is done to their rows.
#pragma once

#include "elements.cuh"

// A warp holds 16 M rows. Of each 16 x 8 group a thread has four numbers: number e stands in the thread's row 2 m + e /
// 2 (row lane / 4 + 8 (e / 2) of group m) and in column 2 (lane mod 4) + e mod 2.

template <int M, int N> struct Tile {
  float x[M][N / 8][4];

  DEV void clear() {
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int n = 0; n < N / 8; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) x[m][n][e] = 0.f;
  }
  /// Multiplies each row by its factor.
  DEV void scale_rows(const float (&factor)[2 * M]) {
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int n = 0; n < N / 8; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) x[m][n][e] *= factor[2 * m + e / 2];
  }
  /// Adds each row of another tile, times its factor and a coefficient.
  DEV void add_rows(const Tile &other, const float (&factor)[2 * M], float coefficient) {
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int n = 0; n < N / 8; ++n)
#pragma unroll
        for (int e = 0; e < 4; ++e) x[m][n][e] += coefficient * factor[2 * m + e / 2] * other.x[m][n][e];
  }
};

/// A tile of weights as left operand of output products; filled number by number in the order of e.
template <class Element, int M, int N> struct Weights {
  u32 word[M][N / 16][4];
  float low;

  DEV void put(int m, int n, int e, float x) {
    if (e & 1)
      word[m][n / 2][2 * (n & 1) + e / 2] = Element::pack(low, x);
    else
      low = x;
  }
  /// The sum of the pair of rounded numbers that number e ends.
  DEV float pair_sum(int m, int n, int e) const {
    const u32 pair = word[m][n / 2][2 * (n & 1) + e / 2];
    return Element::low(pair) + Element::high(pair);
  }
  DEV void multiply(float (&c)[4], int m, int k, const typename Element::DeepRight &b, int half) const {
    typename Element::Left a;
#pragma unroll
    for (int i = 0; i < 4; ++i) a.x[i] = word[m][k / 16][i];
    Element::multiply_deep(c, a, b, half);
  }
};
template <int Terms, int M, int N> struct Weights<Float32<Terms>, M, N> {
  using Element = Float32<Terms>;
  Tile<M, N> tile;

  DEV void put(int m, int n, int e, float x) { tile.x[m][n][e] = x; }
  DEV float pair_sum(int m, int n, int e) const {
    return Element::rounded(tile.x[m][n][e - 1]) + Element::rounded(tile.x[m][n][e]);
  }
  DEV void multiply(float (&c)[4], int m, int k, const typename Element::DeepRight &b, int half) const {
#pragma unroll
    for (int part = 0; part < 2; ++part) {
      typename Element::Left a;
      const float (&x)[4] = tile.x[m][k / 8 + part];
#pragma unroll
      for (int i = 0; i < 4; ++i) Element::split(x[2 * (i & 1) + i / 2], a.big[i], a.small[i]);
      Element::multiply(c, a, b.rows[part], half);
    }
  }
};

/// acc[rows, f .. f + 16) += weights[rows, k .. k + 16) b
template <class Element, int M, int N, int F>
DEV void multiply_add(Tile<M, F> &acc, int f, const Weights<Element, M, N> &weights, int k,
                      const typename Element::DeepRight &b) {
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) weights.multiply(acc.x[m][f / 8 + half], m, k, b, half);
}
/// scores[rows, n .. n + 16) += a b
template <class Element, int M, int N>
DEV void multiply_add(Tile<M, N> &scores, int n, const typename Element::Left (&a)[M],
                      const typename Element::Right &b) {
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) Element::multiply(scores.x[m][n / 8 + half], a[m], b, half);
}

// ---- which entries count ----

/// One bit for each entry of the thread that counts.
template <int M, int N> struct Keep {
  u32 bits[M][(N / 2 + 31) / 32];

  DEV void fill(u32 word) {
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int w = 0; w < (N / 2 + 31) / 32; ++w) bits[m][w] = word;
  }
  DEV void all() { fill(0xffffffffu); }
  DEV void none() { fill(0u); }
  DEV void put(int m, int n, int e, bool keep) { bits[m][n / 8] |= keep ? 1u << (4 * (n % 8) + e) : 0u; }
  DEV bool operator()(int m, int n, int e) const { return bits[m][n / 8] >> (4 * (n % 8) + e) & 1u; }
};

/// exp(-infinity) is 0: what does not count gets no weight.
template <int M, int N> DEV void drop_masked(Tile<M, N> &tile, const Keep<M, N> &keep) {
#pragma unroll
  for (int n = 0; n < N / 8; ++n)
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        if (!keep(m, n, e)) tile.x[m][n][e] = -infinity();
}

// ---- rows: the four lanes of a quad hold a row together ----

DEV float quad_sum(float x) {
  x += shuffle_xor(x, 1);
  return x + shuffle_xor(x, 2);
}
DEV float quad_max(float x) {
  x = greatest(x, shuffle_xor(x, 1));
  return greatest(x, shuffle_xor(x, 2));
}
DEV float warp_sum(float x) {
#pragma unroll
  for (int mask = 16; mask; mask /= 2) x += shuffle_xor(x, mask);
  return x;
}

/// The greatest numbers of the thread's rows; even and odd columns apart, which halves the time to the last.
template <int M, int N> DEV void greatest_of_rows(float (&top)[2 * M], const Tile<M, N> &score) {
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) {
    float even = score.x[row / 2][0][2 * (row & 1)], odd = score.x[row / 2][0][2 * (row & 1) + 1];
#pragma unroll
    for (int n = 1; n < N / 8; ++n) {
      even = greatest(even, score.x[row / 2][n][2 * (row & 1)]);
      odd = greatest(odd, score.x[row / 2][n][2 * (row & 1) + 1]);
    }
    top[row] = greatest(even, odd);
  }
}
/// The same of the entries that count.
template <int M, int N>
DEV void greatest_of_rows(float (&top)[2 * M], const Tile<M, N> &score, const Keep<M, N> &keep) {
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) top[row] = -infinity();
#pragma unroll
  for (int n = 0; n < N / 8; ++n)
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        top[2 * m + e / 2] = greatest(top[2 * m + e / 2], keep(m, n, e) ? score.x[m][n][e] : -infinity());
}

/// The reference of a row's exponentials: moves to the greatest score `top` when that exceeds it by more than `slack`;
/// factor[row] = exp2(scale (old - new)) is what the row's sums must then be multiplied by. Says whether some row of
/// the warp moved.
template <int M>
DEV bool move_reference(float (&reference)[2 * M], float (&factor)[2 * M], const float (&top)[2 * M], float scale,
                        float slack) {
  bool moves = false;
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) moves |= top[row] > reference[row] + slack;
  if (!any_in_warp(moves)) return false;
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) {
    const float next = greatest(reference[row], quad_max(top[row]));
    factor[row] = next == -infinity() ? 1.f : exp2_fast(scale * (reference[row] - next));
    reference[row] = next;
  }
  return true;
}

/// The same where a reference may lag by a large `slack`, and rows are centred anew: `mark` is the greatest score of
/// the tile that a row has its centre from. A score that exceeds it by more than `lead` becomes the mark, and the row
/// has no centre any more.
template <int M>
DEV bool move_reference(float (&reference)[2 * M], float (&factor)[2 * M], float (&mark)[2 * M],
                        bool (&is_centred)[2 * M], const float (&top)[2 * M], float scale, float slack, float lead) {
  bool moves = false;
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) moves |= top[row] > least(reference[row] + slack, mark[row] + lead);
  if (!any_in_warp(moves)) return false;
  moves = false;
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) {
    const float most = quad_max(top[row]), before = reference[row];
    const bool leads = most > mark[row] + lead;
    mark[row] = leads ? most : mark[row];
    is_centred[row] &= !leads;
    reference[row] = most > before + slack ? most : before;
    factor[row] = reference[row] == before ? 1.f : exp2_fast(scale * (before - reference[row]));
    moves |= reference[row] != before;
  }
  return any_in_warp(moves);
}

constexpr float kMostRoom = 15; ///< weights of f16 products are at most 2^15

/// Weights have 2^room beside their exponentials. `reach` is the greatest that an exponential is multiplied by: where
/// it does not fit, the room shrinks to what does, and the row's sums must then be multiplied by `factor`.
template <int M> DEV bool make_room(float (&room)[2 * M], float (&factor)[2 * M], const float (&reach)[2 * M]) {
  bool shrinks = false;
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) shrinks |= reach[row] > exp2_fast(kMostRoom - room[row]);
  if (!any_in_warp(shrinks)) return false;
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) {
    const int exponent = int(bits_of(quad_max(reach[row])) >> 23) - 126; // reach < 2^exponent
    const float next = least(room[row], kMostRoom - float(exponent));
    factor[row] = exp2_fast(next - room[row]);
    room[row] = next;
  }
  return true;
}

/// The centre of a row: a mean of its entries in the first tile that has one that counts; constant from then on, unless
/// the row is let go. `weigh` gives an entry's weight, 0 where it does not count. The nearer the centre is to the row's
/// mean under the softmax, the less is cancelled. `fall` is by how much the centre is less than before. Says whether
/// some row of the warp may have got one.
template <int M, int N, class Weigh>
DEV bool set_centre(float (&centre)[2 * M], bool (&is_set)[2 * M], float (&fall)[2 * M], const Tile<M, N> &tile,
                    const Weigh &weigh) {
  bool wanted = false;
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) wanted |= !is_set[row];
  if (!any_in_warp(wanted)) return false;
  float sum[2 * M], weights[2 * M];
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) sum[row] = weights[row] = 0.f;
#pragma unroll
  for (int n = 0; n < N / 8; ++n)
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int e = 0; e < 4; ++e) { // no branches: they take a sixth of a kernel's compilation
        const float weight = weigh(m, n, e), x = weight == 0.f ? 0.f : tile.x[m][n][e];
        sum[2 * m + e / 2] += weight * x, weights[2 * m + e / 2] += weight;
      }
#pragma unroll
  for (int row = 0; row < 2 * M; ++row) {
    const float total = quad_sum(sum[row]), weight = quad_sum(weights[row]), before = centre[row];
    if (!is_set[row] && weight != 0.f) centre[row] = total * recip_fast(weight), is_set[row] = true;
    fall[row] = before - centre[row];
  }
  return true;
}
template <int M, int N, class Weigh>
DEV void set_centre(float (&centre)[2 * M], bool (&is_set)[2 * M], const Tile<M, N> &tile, const Weigh &weigh) {
  float fall[2 * M];
  set_centre(centre, is_set, fall, tile, weigh);
}

/// All entries that count alike.
template <int M, int N> struct AllAlike {
  const Keep<M, N> &keep;
  DEV float operator()(int m, int n, int e) const { return keep(m, n, e) ? 1.f : 0.f; }
};
/// exp2(scale (score - reference)) as the sums' weights are, but for a factor of the row: 0 for scores of -infinity,
/// which do not count.
template <int M, int N> struct BySoftmax {
  const Tile<M, N> &score;
  const float (&reference)[2 * M];
  float scale;
  DEV float operator()(int m, int n, int e) const {
    return exp2_fast(scale * score.x[m][n][e] + least(-scale * reference[2 * m + e / 2], 1e38f));
  }
};
/// The same of scores of which some do not count.
template <int M, int N> struct KeptBySoftmax {
  const Keep<M, N> &keep;
  BySoftmax<M, N> weight;
  DEV float operator()(int m, int n, int e) const { return keep(m, n, e) ? weight(m, n, e) : 0.f; }
};
