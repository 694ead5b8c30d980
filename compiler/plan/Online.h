// The online form of a forward program: weights relative to a running maximum, tangents of scores relative to a row
// shift.
#ifndef JVPGEN_COMPILER_PLAN_ONLINE_H
#define JVPGEN_COMPILER_PLAN_ONLINE_H

#include "compiler/plan/Sweep.h"
#include "support/Result.h"
#include <map>

namespace jvpgen {

struct OnlineForm {
  std::vector<NamedTerm> outputs;
  std::optional<RunningMaximum> maximum; ///< absent: no lse is computed here
  std::vector<RowShift> shifts;
};

/// Weighted sums that the outputs of an earlier sweep are, in terms of its saved lse, and their values: sum_j P v = o.
using KnownSums = std::map<Term, Term>;

/// exp(S - lse) = exp(c x - c m) / l where S = c x + row terms, m = max x, l = sum_j exp(c x - c m). Tiles beside a
/// weight are shifted where the sum without them is accumulated or known. Refuses two normalisers in one sweep, and
/// sums that are not of degree 1 in the weight.
Result<OnlineForm> onlineForm(std::vector<NamedTerm> outputs, const KnownSums &known = {});

/// What the outputs of a row sweep let later ones know.
void learnSums(const std::vector<NamedTerm> &outputs, KnownSums &known);

} // namespace jvpgen

#endif
