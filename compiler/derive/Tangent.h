// Forward mode: tangents of terms, by one walk over the table of rules.
#ifndef JVPGEN_COMPILER_DERIVE_TANGENT_H
#define JVPGEN_COMPILER_DERIVE_TANGENT_H

#include "compiler/ir/Program.h"
#include <map>

namespace jvpgen {

/// Tangents of the roots. `seed` maps inputs to their tangents; an input that is absent has tangent zero.
std::vector<Term> tangentOf(const std::vector<Term> &roots, const std::map<Term, Term> &seed);

} // namespace jvpgen

#endif
