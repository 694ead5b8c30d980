// Programs as loops over plain arrays, in float64 and as kernels round: what other kernels are judged by at small
// shapes.
#pragma once

#include "memory.cuh"

/// Outputs of the reference, and what it reads of an earlier one's: all digits are kept.
struct Float64 {
  static constexpr int bytes = 8;
  using Memory = double;
  static DEV double to_float(double x) { return x; }
};

/// The numbers themselves.
struct Exact {
  using Number = double;
  static DEV double operand(double x) { return x; }
  static DEV double exp(double x) { return ::exp(x); }
  static DEV double log(double x) { return ::log(x); }
  static DEV double tanh(double x) { return ::tanh(x); }
  static DEV double logistic(double x) { return 1 / (1 + ::exp(-x)); }
  static DEV double sqrt(double x) { return ::sqrt(x); }
};

/// Numbers as any plain kernel has them: float32, functions of the special unit, and what products read rounded to
/// their type.
template <class Operand> struct Rounded {
  using Number = float;
  static DEV float operand(float x) {
    if constexpr (Operand::bytes == 4)
      return Operand::rounded(x);
    else
      return Operand::to_float(Operand::from_float(x));
  }
  static DEV float exp(float x) { return exp2_fast(1.44269504f * x); }
  static DEV float log(float x) { return 0.693147181f * log2_fast(x); }
  static DEV float tanh(float x) { return tanh_exact(x); }
  static DEV float logistic(float x) { return recip_fast(1.f + exp2_fast(-1.44269504f * x)); }
  static DEV float sqrt(float x) { return sqrt_exact(x); }
};

template <class Type> DEV double read(const typename Type::Memory *from) { return Type::to_float(*from); }

/// A product that selects: where a factor is 0 it is 0, whatever the others are. A masked weight is such a factor.
template <class Number> DEV Number product(Number x) { return x; }
template <class Number, class... More> DEV Number product(Number x, More... more) {
  const Number y = product(more...);
  return x == 0 || y == 0 ? Number(0) : x * y;
}

/// Splits the fastest index, of the given extent, off a number.
DEV int split(i64 &number, i64 extent) {
  const int x = int(number % extent);
  number /= extent;
  return x;
}

/// The arrays follow one another in the workspace, room for a double an element and each at a multiple of 256 bytes.
template <class Number> DEV Number *next_array(const Tensor &workspace, i64 &place, i64 elements) {
  Number *array = reinterpret_cast<Number *>(static_cast<char *>(workspace.data) + place);
  place += (elements * i64(sizeof(double)) + 255) / 256 * 256;
  return array;
}
