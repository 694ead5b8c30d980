// How many query-key pairs of a problem the masks keep: what useful work is counted by.
#ifndef JVPGEN_TOOLS_TENSORS_KEPTPAIRS_H
#define JVPGEN_TOOLS_TENSORS_KEPTPAIRS_H

#include "tools/tensors/Interface.h"

namespace jvpgen {

/// Pairs inside the sequences' lengths that the mask and the boolean tensor keep, summed over sequences and query
/// heads. Reads lengths, offsets, integer vectors and scalars, and the boolean tensor; they must fit the problem. What
/// a bias masks by -inf is counted as kept.
int64_t countKeptPairs(const AttentionSpec &spec, const Problem &problem, const TensorSet &inputs);

} // namespace jvpgen

#endif
