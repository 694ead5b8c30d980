// What every derivative must satisfy, whatever the function: central differences and the adjoint identity.
#ifndef JVPGEN_TESTS_DERIVE_PROPERTIES_H
#define JVPGEN_TESTS_DERIVE_PROPERTIES_H

#include "tests/derive/Reference.h"

namespace jvpgen::test {

/// a + k b.
DenseArray combine(const DenseArray &a, double k, const DenseArray &b);

double inner(const DenseArray &a, const DenseArray &b);

/// A function of terms, and what is needed to evaluate it.
struct Function {
  std::vector<Term> inputs;
  Term output;
  Extents extents;
  MaskFunction keep = [](int, int, int, int) { return true; };

  TermContext &terms() const { return *output->context; }

  /// A term over the same inputs; empty where it lacks indices of the output.
  DenseArray evaluate(Term t, const Arrays &at) const;

  /// Standard normal inputs, under names with a prefix.
  Arrays random(std::mt19937 &generator, const std::string &prefix = "") const;
};

/// A function's derivatives as the engine gives them.
struct Derivatives {
  Term tangent;                ///< along the inputs "t" + x
  std::vector<Term> gradients; ///< of <"of_output", output> with respect to each input
};
Derivatives derivativesOf(const Function &f);

struct Errors {
  double tangent; ///< |tangent - central difference|, relative
  double adjoint; ///< |<w, tangent v> - <gradients, v>|, relative to the sum of the parts' sizes
};
Errors errorsOf(const Function &f, const Derivatives &d, std::mt19937 &generator);

/// Both errors are small.
void checkFunction(const Function &f, std::mt19937 &generator, const std::string &what, double tolerance = 1e-7);

} // namespace jvpgen::test

#endif
