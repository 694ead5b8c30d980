// Medians, spreads, and whether one measurement is better than another beyond doubt.
#ifndef JVPGEN_TUNER_STATISTICS_H
#define JVPGEN_TUNER_STATISTICS_H

#include "db/Trial.h"
#include <vector>

namespace jvpgen::tuner {

/// The value below which the part `share` of the values lies, between neighbours by a straight line; 0 for no values.
double quantile(std::vector<double> values, double share);
double median(const std::vector<double> &values);
/// Interquartile range: what the middle half of the values spans.
double spread(const std::vector<double> &values);

/// time[k] / standard[k], measured next to one another: what heat and clocks do to one they do to the other.
std::vector<double> pairedRatios(const std::vector<double> &time, const std::vector<double> &standard);

/// Better: the median of the paired ratios is below 1 - margin, and so is three quarters of them below 1. Ambiguous:
/// the median is, but more than a quarter of the pairs says otherwise. Worse: the rest, whoever is within the margin
/// included: a new schedule has to be worth it.
Verdict judge(const std::vector<double> &time, const std::vector<double> &standard, double margin);

} // namespace jvpgen::tuner

#endif
