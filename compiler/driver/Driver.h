// The compiler as the command line and applications call it: a specification in, programs out; no MLIR in sight.
#ifndef JVPGEN_COMPILER_DRIVER_DRIVER_H
#define JVPGEN_COMPILER_DRIVER_DRIVER_H

#include "compiler/spec/AttentionSpec.h"
#include <string>
#include <vector>

namespace jvpgen {

/// Where the derivation is looked at: as the derivative rules gave it, or simplified.
enum class Stage { Differentiate, Derive };

/// How formulas are written: for people, for a paper, or as the attn dialect's upper level.
enum class Format { Text, Latex, Mlir };

/// A derived program, written in one format, with its counts in units of 2 Sq Sk head_dim_qk FLOP per head.
struct DerivedProgram {
  std::string name;
  std::string text;
  double matmuls = 0;  ///< products of the mathematics
  double executed = 0; ///< products executed when no tile is stored between sweeps
  int sweeps = 0;
  int pointwise = 0;              ///< operations per score element
  std::vector<std::string> saved; ///< outputs of earlier programs that it reads
};

Result<std::vector<DerivedProgram>> derivePrograms(const AttentionSpec &spec, const std::vector<std::string> &programs,
                                                   Stage stage, Format format = Format::Text);

} // namespace jvpgen

#endif
