// A derived program as its text says it: what is counted and run in tests is what is printed.
#ifndef JVPGEN_TESTS_DERIVE_PRINTEDPROGRAM_H
#define JVPGEN_TESTS_DERIVE_PRINTEDPROGRAM_H

#include "compiler/ir/Program.h"

namespace jvpgen::test {

struct PrintedProgram {
  Program program;    ///< parsed from the text, in the same context of terms
  double matmuls = 0; ///< attn.sum operations over a body with i, j and a feature, in units of head_dim_qk
  bool isVerified = false;
};

/// Prints a program as a module of the dialect, parses the text and reads it back.
PrintedProgram printed(const Program &program);

} // namespace jvpgen::test

#endif
