// What a sweep adds up, and how outputs are made of it when the sweep has ended.
#ifndef JVPGEN_COMPILER_PLAN_ACCUMULATE_H
#define JVPGEN_COMPILER_PLAN_ACCUMULATE_H

#include "compiler/plan/Sweep.h"
#include "support/Result.h"
#include <map>

namespace jvpgen {

/// Everything that a sweep must accumulate for these outputs, in order of creation: streamed sums, sums of tiles, and
/// tiles that are outputs themselves (as sums over nothing).
std::vector<Term> accumulatedSums(const std::vector<NamedTerm> &outputs);

/// Replaces terms, outermost first.
Term replaceTerms(Term t, const std::map<Term, Term> &replacement);

struct Accumulation {
  std::vector<Accumulator> accumulators;
  std::vector<Contribution> contributions;
  std::vector<NamedTerm> epilogues; ///< outputs that have the owner's indices
  std::vector<NamedTerm> posts;     ///< outputs that need all owners: sums over rows, heads, batch; values from memory
};

/// Which rows' accumulators a sweep may have: its own owners' in registers, or also those of the streamed axis in
/// memory (fused).
enum class Reach { Own, Both };

/// Accumulators for outputs of a sweep; `next` numbers them. Summands of one output with one row factor that are used
/// nowhere else share an accumulator: tO = (T V + P tV) / l.
Result<Accumulation> accumulate(const std::vector<NamedTerm> &outputs, Axis axis, Reach reach, unsigned &next);

} // namespace jvpgen

#endif
