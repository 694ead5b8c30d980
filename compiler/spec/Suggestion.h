// The remedy for a name that is not known: the nearest known one, or all of them.
#ifndef JVPGEN_COMPILER_SPEC_SUGGESTION_H
#define JVPGEN_COMPILER_SPEC_SUGGESTION_H

#include <string>
#include <string_view>
#include <vector>

namespace jvpgen {

/// "did you mean 'exp'?" if one of the known names is near, else "known: abs, exp, ..."; "none is known here" for no
/// names.
std::string suggestion(std::string_view name, const std::vector<std::string> &known);

/// "a, b, c"
std::string joined(const std::vector<std::string> &names);

} // namespace jvpgen

#endif
