// Conversions between exact rationals, doubles and text.
#include "compiler/ir/Rational.h"

#include "llvm/ADT/DynamicAPInt.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace jvpgen;
using llvm::DynamicAPInt;
using llvm::StringRef;

static DynamicAPInt power(int64_t base, unsigned exponent) {
  DynamicAPInt out(1), factor(base);
  for (; exponent; exponent >>= 1, factor *= factor)
    if (exponent & 1) out *= factor;
  return out;
}

Rational jvpgen::toRational(double value) {
  int exponent;
  auto mantissa = static_cast<int64_t>(std::ldexp(std::frexp(value, &exponent), 53)); // |mantissa| < 2^53, exact
  exponent -= 53;
  Rational out = exponent >= 0 ? Rational(DynamicAPInt(mantissa) * power(2, unsigned(exponent)), DynamicAPInt(1))
                               : Rational(DynamicAPInt(mantissa), power(2, unsigned(-exponent)));
  return mlir::presburger::reduce(out);
}

static DynamicAPInt digits(StringRef text) {
  DynamicAPInt out(0);
  for (char c : text) out = out * 10 + (c - '0');
  return out;
}

Rational jvpgen::toRational(StringRef text) {
  bool negative = text.consume_front("-");
  Rational out;
  if (text.contains('/')) {
    auto [p, q] = text.split('/');
    out = Rational(digits(p), digits(q));
  } else {
    auto [mantissa, exponentText] = text.contains('e') ? text.split('e') : text.split('E');
    auto [whole, fraction] = mantissa.split('.');
    int exponent = 0;
    exponentText.consume_front("+");
    if (!exponentText.empty()) exponentText.getAsInteger(10, exponent);
    exponent -= int(fraction.size());
    DynamicAPInt value = digits((whole + fraction).str());
    out = exponent >= 0 ? Rational(value * power(10, unsigned(exponent)), DynamicAPInt(1))
                        : Rational(value, power(10, unsigned(-exponent)));
  }
  out = mlir::presburger::reduce(out);
  return negative ? -out : out;
}

static std::string text(const DynamicAPInt &value) {
  std::string out;
  llvm::raw_string_ostream(out) << value;
  return out;
}

std::string jvpgen::print(const Rational &value) {
  Rational r = mlir::presburger::reduce(value);
  return r.den == 1 ? text(r.num) : text(r.num) + "/" + text(r.den);
}

double jvpgen::toDouble(const Rational &value) {
  auto number = [](const DynamicAPInt &v) { return std::strtold(text(v).c_str(), nullptr); };
  return static_cast<double>(number(value.num) / number(value.den));
}
