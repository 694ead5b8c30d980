// The online form of a forward program: weights relative to a running maximum, tangents of scores relative to a row
// shift.
#ifndef JVPGEN_COMPILER_PLAN_ONLINE_H
#define JVPGEN_COMPILER_PLAN_ONLINE_H

#include "compiler/plan/Sweep.h"
#include "support/Result.h"

namespace jvpgen {

struct OnlineForm {
  std::vector<NamedTerm> outputs;
  std::optional<RunningMaximum> maximum; ///< absent: no lse is computed here, and nothing was changed
  std::vector<RowShift> shifts;
};

/// exp(S - lse) = exp(c x - c m) / l where S = c x + row terms, m = max x, l = sum_j exp(c x - c m). Refuses two
/// normalisers in one sweep, and sums that are not of degree 1 in the weight.
Result<OnlineForm> onlineForm(std::vector<NamedTerm> outputs);

} // namespace jvpgen

#endif
