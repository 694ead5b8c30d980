// The table of derivative rules with one entry made wrong: linked in place of compiler/derive/Rules.cpp.
#ifndef JVPGEN_TESTS_MUTATIONS_WRONGRULES_H
#define JVPGEN_TESTS_MUTATIONS_WRONGRULES_H

#include <string>

namespace jvpgen {

/// Which partial derivative is wrong, and how.
struct WrongRule {
  std::string rule; ///< a function of the table, or "lin", "mul", "mexp", "lse"; empty: all are right
  size_t argument = 0;
  enum class How { Negated, Dropped, Doubled } how = How::Negated;
};

/// Holds for all derivations from now on.
void plant(const WrongRule &wrong);

} // namespace jvpgen

#endif
