#include "tuner/Statistics.h"

#include <algorithm>
#include <cmath>

using namespace jvpgen;

double tuner::quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double place = share * double(values.size() - 1);
  const size_t below = size_t(std::floor(place)), above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - double(below)) * (values[above] - values[below]);
}

double tuner::median(const std::vector<double> &values) { return quantile(values, 0.5); }

double tuner::spread(const std::vector<double> &values) { return quantile(values, 0.75) - quantile(values, 0.25); }

std::vector<double> tuner::pairedRatios(const std::vector<double> &time, const std::vector<double> &standard) {
  std::vector<double> out;
  for (size_t k = 0; k < std::min(time.size(), standard.size()); ++k)
    if (standard[k] > 0) out.push_back(time[k] / standard[k]);
  return out;
}

Verdict tuner::judge(const std::vector<double> &time, const std::vector<double> &standard, double margin) {
  const std::vector<double> ratios = pairedRatios(time, standard);
  if (ratios.empty()) return Verdict::None;
  if (median(ratios) >= 1 - margin) return Verdict::Worse;
  return quantile(ratios, 0.75) < 1 ? Verdict::Better : Verdict::Ambiguous;
}
