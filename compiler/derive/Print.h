// Derived programs as people read them: text, and LaTeX for a paper.
#ifndef JVPGEN_COMPILER_DERIVE_PRINT_H
#define JVPGEN_COMPILER_DERIVE_PRINT_H

#include "compiler/ir/Program.h"

namespace jvpgen {

/// One definition a line, after a line with the figures of the program. * is element-wise, @ a matrix product. Powers
/// of the softmax scale are recognised in coefficients and printed as `scale`.
std::string printText(const Program &p, const Rational &scale);

/// An `aligned` environment. A dot marks a tangent, a bar a cotangent or gradient, sigma is the softmax scale.
std::string printLatex(const Program &p, const Rational &scale);

} // namespace jvpgen

#endif
