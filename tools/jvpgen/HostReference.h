// Judges a tuner's candidates by the float64 reference on the host, from the specification's text.
#ifndef JVPGEN_TOOLS_JVPGEN_HOSTREFERENCE_H
#define JVPGEN_TOOLS_JVPGEN_HOSTREFERENCE_H

#include "tuner/Reference.h"

namespace jvpgen {

/// At a small shape whose lengths are multiples of no tile.
Result<std::unique_ptr<tuner::Reference>> openHostReference(const tuner::OpenOrder &order);

} // namespace jvpgen

#endif
