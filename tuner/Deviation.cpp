#include "tuner/Deviation.h"

#include <algorithm>
#include <cmath>

using namespace jvpgen;
using namespace jvpgen::tuner;

static double squared(double x) { return x * x; }

/// Finite numbers of one row, squared and added up.
static std::pair<double, double> sums(std::span<const double> x, std::span<const double> truth) {
  double difference = 0, value = 0;
  for (size_t k = 0; k < x.size(); ++k)
    if (std::isfinite(truth[k])) difference += squared(x[k] - truth[k]), value += squared(truth[k]);
  return {difference, value};
}

Deviation tuner::measure(std::span<const double> x, std::span<const double> truth, const RowShape &rows, double scale) {
  constexpr double kOfTypical = 0.25;
  Deviation out;
  size_t strange = 0;
  for (size_t k = 0; k < x.size(); ++k)
    strange +=
        std::isfinite(truth[k]) ? !std::isfinite(x[k]) : x[k] != truth[k] && !(x[k] != x[k] && truth[k] != truth[k]);
  if (strange) {
    out.complaint = std::to_string(strange) + " elements are not finite, or not infinite as they should be";
    return out;
  }
  if (rows.isSum) {
    for (size_t k = 0; k < x.size(); ++k)
      out.whole = std::max(out.whole, std::abs(x[k] - truth[k]) / std::max(scale, kLeastOfTerms));
    out.row = out.whole;
    return out;
  }
  const auto [difference, value] = sums(x, truth);
  out.whole = std::sqrt(difference) / std::max(std::sqrt(value), kLeastOfTerms * std::sqrt(double(x.size())));
  const size_t length = size_t(std::max<int64_t>(rows.length, 1)), count = x.size() / length;
  size_t some = 0;
  for (size_t r = 0; r < count; ++r)
    some += sums(x.subspan(r * length, length), truth.subspan(r * length, length)).second > 0;
  const double typical = kOfTypical * std::sqrt(value / double(std::max<size_t>(some, 1))),
               least = std::max(typical, kLeastOfTerms * std::sqrt(double(length)));
  for (size_t r = 0; r < count; ++r) {
    const auto [d, v] = sums(x.subspan(r * length, length), truth.subspan(r * length, length));
    out.row = std::max(out.row, std::sqrt(d) / std::max(std::sqrt(v), least));
  }
  return out;
}
