// Exact rational numbers: with rounded coefficients equal terms neither meet nor cancel.
#ifndef JVPGEN_COMPILER_IR_RATIONAL_H
#define JVPGEN_COMPILER_IR_RATIONAL_H

#include "mlir/Analysis/Presburger/Fraction.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace jvpgen {

using Rational = mlir::presburger::Fraction;

/// The exact value of a finite double (a dyadic rational).
Rational toRational(double value);

/// The exact value of "p", "p/q", or decimal digits such as "-0.125" and "1.5e-3"; the text must be well formed.
Rational toRational(llvm::StringRef text);

/// "p" or "p/q" in lowest terms, q > 0.
std::string print(const Rational &value);

/// The nearest double.
double toDouble(const Rational &value);

} // namespace jvpgen

#endif
