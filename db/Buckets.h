// Which shapes are the same problem, and which may lend one another their schedules.
#ifndef JVPGEN_DB_BUCKETS_H
#define JVPGEN_DB_BUCKETS_H

#include "db/Trial.h"

namespace jvpgen {

/// Counts up when bucketOf changes: buckets of another version are not compared.
inline constexpr int kBucketVersion = 1;

/// Shapes whose lengths, and whose query rows over all heads, have the same next power of two (64 at least):
/// "rows 2^15 q 2^11 kv 2^11".
std::string bucketOf(const Problem &shape);

/// One text for one problem. Totals that are not given are the lengths.
std::string canonicalKey(const TrialProblem &problem);
Problem canonicalShape(const Problem &shape);

/// Sum of |log2 of the ratio| of query rows, query lengths and key lengths; 0 for what schedules cannot tell apart.
double shapeDistance(const Problem &a, const Problem &b);

/// "2x4x1000x63": batch x heads x queries x keys, as command lines name shapes.
std::string shapeText(const Problem &shape);

} // namespace jvpgen

#endif
