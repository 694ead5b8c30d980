// What machine code says of a candidate before it is measured.
#ifndef JVPGEN_TUNER_FEEDBACK_H
#define JVPGEN_TUNER_FEEDBACK_H

#include "tuner/Protocol.h"

namespace jvpgen::tuner {

/// Why a candidate is not worth measuring, in words; empty if it is. A kernel that spills more than 16 bytes, or whose
/// products wait for one another, loses what its tile sizes are for; but the default's may do so too, where no schedule
/// does without, and one that does neither more than the default's is measured.
std::string objection(const Runnable &candidate, const Runnable &standard);

} // namespace jvpgen::tuner

#endif
