// mma on the fragments of 32 lanes, laid out as the PTX ISA states for m16n8k16 (16-bit elements) and m16n8k8 (TF32).
#ifndef JVPGEN_TESTS_EMULATOR_FRAGMENTS_H
#define JVPGEN_TESTS_EMULATOR_FRAGMENTS_H

#include "HostMachine.h"
#include <bit>
#include <cstdint>

namespace jvpgen {

/// Number `half` (0, 1) of a word of two 16-bit numbers; of TF32 the only one, whose last 13 bits do not count.
template <HostMachine::Element E> double numberIn(uint32_t word, int half) {
  if constexpr (E == HostMachine::Element::TF32) return std::bit_cast<float>(word & 0xffffe000u);
  uint16_t bits = uint16_t(half ? word >> 16 : word);
  if constexpr (E == HostMachine::Element::BF16) return std::bit_cast<float>(uint32_t(bits) << 16);
  return static_cast<float>(std::bit_cast<_Float16>(bits));
}

/// c += a b for the whole warp. With g = l / 4 and t = l mod 4, words of w numbers (two of 16 bits, one of TF32):
///   a[0], a[1]: rows g, g + 8 at w t;  a[2], a[3]: the same rows at w (t + 4)
///   b[0], b[1]: column g at w t, w (t + 4);  c[e]: row g + 8 (e / 2), column 2 t + e mod 2
/// Products are exact, sums are rounded once.
template <HostMachine::Element E, typename Lane> void multiplyFragments(Lane (&lanes)[32]) {
  constexpr int width = E == HostMachine::Element::TF32 ? 1 : 2, depth = 8 * width;
  double a[16][depth], b[depth][8];
  for (int l = 0; l < 32; ++l) {
    int g = l / 4, t = l % 4;
    for (int half = 0; half < width; ++half)
      for (int k = 0; k < 2; ++k) {
        int at = width * (t + 4 * k) + half;
        a[g][at] = numberIn<E>(lanes[l].a[2 * k], half);
        a[g + 8][at] = numberIn<E>(lanes[l].a[2 * k + 1], half);
        b[at][g] = numberIn<E>(lanes[l].b[k], half);
      }
  }
  for (int l = 0; l < 32; ++l)
    for (int e = 0; e < 4; ++e) {
      int row = l / 4 + 8 * (e / 2), column = 2 * (l % 4) + e % 2;
      double sum = lanes[l].c[e];
      for (int k = 0; k < depth; ++k) sum += a[row][k] * b[k][column];
      lanes[l].c[e] = float(sum);
    }
}

} // namespace jvpgen

#endif
