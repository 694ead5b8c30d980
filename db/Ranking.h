// Which of the trials of a program answers a question: a pure function, the same in whatever order they come.
#ifndef JVPGEN_DB_RANKING_H
#define JVPGEN_DB_RANKING_H

#include "db/Database.h"

#include <vector>

namespace jvpgen {

struct RankedTrial {
  Trial trial;
  std::string id; ///< its content id
  int layer = 0;  ///< 0 is the user's own; of a candidate measured in several, the topmost counts
};

/// A trial can answer if its specification, program, arch, templates and default are those of the question, and its
/// shape is in the same bucket.
bool canAnswer(const Question &question, const Trial &trial);
bool canAnswer(const Question &question, const TrialProblem &problem);

/// Trials fall into groups of one GPU model and one shape. Of each group:
///
///   ratio of a candidate = median over its compared trials of  median_us / default_median_us
///   winner of the group  = the candidate with the least ratio, of those below 1 that more than half of their compared
///                          trials call better, and that no trial found wrong, faulty or endless
///
/// and none if there is no such candidate: the default is the best. The group that is nearest to the question answers:
/// this GPU before others, this shape before others, then the most similar number of multiprocessors, then the smallest
/// shapeDistance.
Winner rank(const Question &question, const std::vector<RankedTrial> &trials);

} // namespace jvpgen

#endif
