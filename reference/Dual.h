// Dual numbers on a tape: a value and, where there is one, its tangent.
#ifndef JVPGEN_REFERENCE_DUAL_H
#define JVPGEN_REFERENCE_DUAL_H

#include "reference/Tape.h"
#include <optional>

namespace jvpgen::reference {

struct Dual {
  Var value;
  std::optional<Var> tangent; ///< absent: the number zero
};

/// The tangents are recorded on the tape like everything else, so that its reverse walk differentiates them once more.
template <typename S> class DualArithmetic {
public:
  explicit DualArithmetic(Tape<S> &tape) : tape(tape) {}

  Dual number(double x) { return {tape.leaf(S(x)), {}}; }
  Dual add(Dual x, Dual y) { return {tape.add(x.value, y.value), sum(x.tangent, y.tangent)}; }
  Dual neg(Dual x) { return sub(number(0), x); }
  Dual sub(Dual x, Dual y) {
    std::optional<Var> minus = y.tangent;
    if (minus) minus = tape.sub(tape.leaf(S(0)), *minus);
    return {tape.sub(x.value, y.value), sum(x.tangent, minus)};
  }
  /// t(xy) = tx y + x ty
  Dual mul(Dual x, Dual y) {
    return {tape.mul(x.value, y.value), sum(times(x.tangent, y.value), times(y.tangent, x.value))};
  }
  /// t(x/y) = (tx - (x/y) ty) / y
  Dual div(Dual x, Dual y) {
    Var ratio = tape.div(x.value, y.value);
    std::optional<Var> above = x.tangent;
    if (y.tangent) above = sum(above, times(y.tangent, tape.sub(tape.leaf(S(0)), ratio)));
    if (above) above = tape.div(*above, y.value);
    return {ratio, above};
  }
  Dual exp(Dual x) {
    Var y = tape.exp(x.value);
    return {y, times(x.tangent, y)};
  }
  Dual log(Dual x) {
    std::optional<Var> t = x.tangent;
    if (t) t = tape.div(*t, x.value);
    return {tape.log(x.value), t};
  }
  /// t tanh(x) = (1 - tanh(x)^2) tx
  Dual tanh(Dual x) {
    Var y = tape.tanh(x.value);
    if (!x.tangent) return {y, {}};
    return {y, times(x.tangent, tape.sub(tape.leaf(S(1)), tape.mul(y, y)))};
  }
  /// t sqrt(x) = tx / (2 sqrt(x))
  Dual sqrt(Dual x) {
    Var y = tape.sqrt(x.value);
    std::optional<Var> t = x.tangent;
    if (t) t = tape.div(tape.mul(tape.leaf(S(0.5)), *t), y);
    return {y, t};
  }
  /// t|x| = sign(x) tx with sign(0) = 0; the sign has no derivative.
  Dual abs(Dual x) {
    Var sign = tape.constant(x.value, x.value, [](double a, double) { return (a > 0) - (a < 0); });
    return {tape.abs(x.value), times(x.tangent, sign)};
  }
  /// The smaller (larger) of two; at a tie each counts half, in the value and in every derivative.
  Dual min(Dual x, Dual y) {
    return blend(tape.constant(x.value, y.value, [](double a, double b) { return a < b ? 1 : a > b ? 0 : 0.5; }), x, y);
  }
  Dual max(Dual x, Dual y) {
    return blend(tape.constant(x.value, y.value, [](double a, double b) { return a > b ? 1 : a < b ? 0 : 0.5; }), x, y);
  }
  Dual where(Dual condition, Dual x, Dual y) { return blend(condition.value, x, y); }
  template <typename F> Dual compare(Dual x, Dual y, F f) { return {tape.constant(x.value, y.value, f), {}}; }

private:
  Tape<S> &tape;

  std::optional<Var> times(std::optional<Var> t, Var x) {
    if (t) t = tape.mul(*t, x);
    return t;
  }
  std::optional<Var> sum(std::optional<Var> x, std::optional<Var> y) {
    if (x && y) return tape.add(*x, *y);
    return x ? x : y;
  }
  Dual blend(Var w, Dual x, Dual y) {
    Dual out{tape.blend(w, x.value, y.value), {}};
    auto orZero = [&](std::optional<Var> t) { return t ? *t : tape.leaf(S(0)); };
    if (x.tangent || y.tangent) out.tangent = tape.blend(w, orZero(x.tangent), orZero(y.tangent));
    return out;
  }
};

} // namespace jvpgen::reference

#endif
