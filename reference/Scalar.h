// The numbers that the reference computes with: double, double beside a magnitude, and float with rounded operands.
#ifndef JVPGEN_REFERENCE_SCALAR_H
#define JVPGEN_REFERENCE_SCALAR_H

#include "runtime/abi/Tensor.h"
#include "tools/tensors/FloatFormats.h"
#include <cmath>

namespace jvpgen::reference {

/// A value, and the value of the same expression with the absolute value of every term: how large the numbers were that
/// a sum was made of. A result far below its magnitude came out of cancellation, and no arithmetic of few digits can
/// find it.
struct Weighed {
  double value = 0, magnitude = 0;

  Weighed() = default;
  Weighed(double x) : value(x), magnitude(std::fabs(x)) {}
  Weighed(double x, double magnitude) : value(x), magnitude(magnitude) {}
};

inline Weighed operator+(Weighed x, Weighed y) { return {x.value + y.value, x.magnitude + y.magnitude}; }
inline Weighed operator-(Weighed x, Weighed y) { return {x.value - y.value, x.magnitude + y.magnitude}; }
inline Weighed operator-(Weighed x) { return {-x.value, x.magnitude}; }
inline Weighed operator*(Weighed x, Weighed y) { return {x.value * y.value, x.magnitude * y.magnitude}; }
inline Weighed operator/(Weighed x, Weighed y) { return {x.value / y.value, x.magnitude / std::fabs(y.value)}; }
inline Weighed exp(Weighed x) { return std::exp(x.value); }
inline Weighed log(Weighed x) { return std::log(x.value); }
inline Weighed tanh(Weighed x) { return std::tanh(x.value); }
inline Weighed sqrt(Weighed x) { return std::sqrt(x.value); }
inline Weighed abs(Weighed x) { return {std::fabs(x.value), x.magnitude}; }

inline double valueOf(Weighed x) { return x.value; }
inline double valueOf(double x) { return x; }
inline double magnitudeOf(Weighed x) { return x.magnitude; }
inline double magnitudeOf(double x) { return std::fabs(x); }

/// m + log(l), the last step of a log-sum-exp; a rounding inside l adds to it as it is.
inline Weighed shiftedLog(Weighed m, Weighed l) {
  double y = std::log(l.value);
  return {m.value + y, std::fabs(m.value) + std::fabs(y) + 1};
}

/// How operands of matrix products are stored. Only float is rounded: the other two numbers are the truth.
class Rounding {
public:
  static Rounding none() { return Rounding(Kind::None); }
  static Rounding of(DType dtype, bool threeXtf32) {
    return Rounding(dtype == DType::BF16  ? Kind::BF16
                    : dtype == DType::F16 ? Kind::F16
                    : threeXtf32          ? Kind::None
                                          : Kind::TF32);
  }
  float operator()(float x) const {
    switch (kind) {
    case Kind::None: return x;
    case Kind::BF16: return fromBF16(toBF16(x));
    case Kind::F16: return fromF16(toF16(x));
    case Kind::TF32: return toTF32(x);
    }
    return x;
  }
  double operator()(double x) const { return x; }
  Weighed operator()(Weighed x) const { return x; }

  /// On the grid of another factor: as an operand that is stored times c, where the product is divided by c.
  float operator()(float x, float c) const { return (*this)(x * c) / c; }
  double operator()(double x, float) const { return x; }
  Weighed operator()(Weighed x, float) const { return x; }

private:
  enum class Kind { None, BF16, F16, TF32 };
  explicit Rounding(Kind kind) : kind(kind) {}
  Kind kind;
};

} // namespace jvpgen::reference

#endif
