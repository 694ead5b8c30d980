// Functions of scores as hardware evaluates them: within documented errors.
#ifndef JVPGEN_REFERENCE_FUNCTIONS_H
#define JVPGEN_REFERENCE_FUNCTIONS_H

#include "reference/Scalar.h"
#include <bit>

namespace jvpgen::reference {

/// A number in [0, 1) that looks random; equal arguments give equal numbers.
inline double scattered(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return double((x ^ x >> 31) >> 11) * 0x1p-53;
}

/// Only those of float err; the other two numbers are the truth. A result is off by any part of the largest error that
/// the CUDA C++ Programming Guide states ("Mathematical Functions"), the same for the same argument: of its intrinsics,
/// which 16-bit programs use, or of its standard library. Square roots are exact in both.
class Functions {
public:
  enum class Kind { Intrinsic, Standard };
  Functions() = default;
  Functions(Kind kind, uint64_t seed) : kind(kind), seed(seed) {}

  template <typename S> S exp(S x) const { return expOf(x); }
  template <typename S> S log(S x) const { return logOf(x); }
  template <typename S> S tanh(S x) const { return tanhOf(x); }
  template <typename S> S divide(S x, S y) const { return divideOf(x, y); }
  /// m + log(l), the last step of a log-sum-exp.
  template <typename S> S shiftedLog(S m, S l) const { return shiftedLogOf(m, l); }

private:
  Kind kind = Kind::Standard;
  uint64_t seed = 0;

  /// A part of the largest error, in [-1, 1].
  float part(uint64_t function, float x) const {
    return float(2 * scattered(seed << 40 ^ function << 32 ^ std::bit_cast<uint32_t>(x)) - 1);
  }
  /// y with an error of up to so many units in the last place.
  float off(uint64_t function, float x, float y, float units) const {
    if (!std::isfinite(y) || y == 0) return y;
    float unit = std::bit_cast<float>(std::bit_cast<uint32_t>(y) & 0x7f800000u) * 0x1p-23f;
    return y + part(function, x) * units * unit;
  }

  static double expOf(double x) { return std::exp(x); }
  static Weighed expOf(Weighed x) { return reference::exp(x); }
  /// expf: 2 units; __expf: 2 + floor(|1.173 x|).
  float expOf(float x) const {
    return off(1, x, std::exp(x), kind == Kind::Standard ? 2 : 2 + std::floor(std::fabs(1.173f * x)));
  }

  static double logOf(double x) { return std::log(x); }
  static Weighed logOf(Weighed x) { return reference::log(x); }
  /// logf: 1 unit; __logf: 2^-21.41 between 1/2 and 2, 3 units elsewhere.
  float logOf(float x) const {
    float y = std::log(x);
    if (kind == Kind::Standard) return off(2, x, y, 1);
    return x >= 0.5f && x <= 2 ? y + part(2, x) * 0x1.8p-22f : off(2, x, y, 3);
  }

  static double tanhOf(double x) { return std::tanh(x); }
  static Weighed tanhOf(Weighed x) { return reference::tanh(x); }
  /// tanhf: 2 units; composed of intrinsics: 1 - 2 / (1 + exp(2 x)).
  float tanhOf(float x) const {
    if (kind == Kind::Standard) return off(3, x, std::tanh(x), 2);
    return 1 - 2 * divideOf(1, 1 + expOf(2 * x));
  }

  static double divideOf(double x, double y) { return x / y; }
  static Weighed divideOf(Weighed x, Weighed y) { return x / y; }
  /// x / y: exact to rounding; __fdividef: 2 units.
  float divideOf(float x, float y) const { return kind == Kind::Standard ? x / y : off(4, y, x / y, 2); }

  static double shiftedLogOf(double m, double l) { return m + std::log(l); }
  static Weighed shiftedLogOf(Weighed m, Weighed l) { return reference::shiftedLog(m, l); }
  float shiftedLogOf(float m, float l) const { return m + logOf(l); }
};

} // namespace jvpgen::reference

#endif
