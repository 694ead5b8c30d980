// Attention by its definition on dual numbers over complex ones: tangents by the dual part, gradients by the complex
// step.
#ifndef JVPGEN_TESTS_DERIVE_REFERENCE_H
#define JVPGEN_TESTS_DERIVE_REFERENCE_H

#include "compiler/derive/Interpret.h"
#include "compiler/spec/AttentionSpec.h"
#include <complex>
#include <map>
#include <random>
#include <string>

namespace jvpgen::test {

using Arrays = std::map<std::string, DenseArray>;
using Complex = std::complex<double>;

/// A step along `direction` in the array `name`, in the imaginary part.
struct ComplexStep {
  std::string name;
  const DenseArray *direction = nullptr;
};

/// o, lse and their tangents to, mu. A row without keys: o = to = mu = 0, lse = -inf.
struct ReferenceOutputs {
  std::map<std::string, std::vector<Complex>> values;
};
ReferenceOutputs evaluateReference(const AttentionSpec &spec, const Extents &extents, const Arrays &inputs,
                                   const MaskFunction &keep, const ComplexStep &step = {});

/// d/dt of sum <"d" + y, y> over the specification's cotangents along a direction of one input.
double directionalDerivative(const AttentionSpec &spec, const Extents &extents, const Arrays &inputs,
                             const MaskFunction &keep, const std::string &name, const DenseArray &direction);

/// Standard normal numbers.
DenseArray randomArray(IndexSet indices, const Extents &extents, std::mt19937 &random);

/// Random inputs, tangents and cotangents of a specification; scalars and head vectors are positive.
Arrays randomInputs(const AttentionSpec &spec, const Extents &extents, std::mt19937 &random);

/// Greatest difference relative to the greatest entry; equal infinities do not differ.
double relativeError(const std::vector<double> &got, const std::vector<double> &want);

} // namespace jvpgen::test

#endif
