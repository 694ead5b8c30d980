// Conversions between float32 and the 16-bit formats, rounding to nearest, ties to even.
#ifndef JVPGEN_TOOLS_TENSORS_FLOATFORMATS_H
#define JVPGEN_TOOLS_TENSORS_FLOATFORMATS_H

#include <bit>
#include <cstdint>

namespace jvpgen {

/// Keeps the upper 32 - `dropped` bits of a finite number; a carry into the exponent is the right result.
inline uint32_t roundBits(uint32_t bits, unsigned dropped) {
  uint32_t odd = bits >> dropped & 1;
  return (bits + (1u << (dropped - 1)) - 1 + odd) >> dropped << dropped;
}

inline uint16_t toBF16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  if (x != x) return uint16_t(bits >> 16 | 0x40);
  return uint16_t(roundBits(bits, 16) >> 16);
}

inline float fromBF16(uint16_t x) { return std::bit_cast<float>(uint32_t(x) << 16); }

inline uint16_t toF16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x), magnitude = bits & 0x7fffffff;
  uint32_t sign = bits >> 16 & 0x8000;
  if (x != x) return uint16_t(sign | 0x7e00);
  if (magnitude >= 0x477ff000) return uint16_t(sign | 0x7c00); // 65520 and above round to infinity
  if (magnitude < 0x38800000) // below 2^-14: the spacing of float32 at 1/2 is that of float16's subnormals, 2^-24
    return uint16_t(sign | (std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000));
  return uint16_t(sign | (roundBits(magnitude, 13) - 0x38000000) >> 13);
}

inline float fromF16(uint16_t x) {
  uint32_t sign = uint32_t(x & 0x8000) << 16, exponent = x >> 10 & 31, fraction = x & 0x3ff;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  float magnitude = float(fraction) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

/// TF32: float32 with ten bits of fraction.
inline float toTF32(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  return (bits & 0x7f800000) == 0x7f800000 ? x : std::bit_cast<float>(roundBits(bits, 13));
}

} // namespace jvpgen

#endif
