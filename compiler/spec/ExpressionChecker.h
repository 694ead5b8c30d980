// Names and types of score and mask expressions.
#ifndef JVPGEN_COMPILER_SPEC_EXPRESSIONCHECKER_H
#define JVPGEN_COMPILER_SPEC_EXPRESSIONCHECKER_H

#include "compiler/spec/AttentionSpec.h"
#include "compiler/spec/SourceText.h"

namespace jvpgen {

/// A score is a number over z, bias, indices, lengths, scalars, head vectors.
Status checkScore(const Expr &score, const AttentionSpec &spec);

/// A mask is a condition over integers: indices, lengths, query and key vectors, integer scalars.
Status checkMask(const Expr &mask, const AttentionSpec &spec);

} // namespace jvpgen

#endif
