// How far numbers are from the truth, as a whole and row by row.
#ifndef JVPGEN_TUNER_DEVIATION_H
#define JVPGEN_TUNER_DEVIATION_H

#include <cstdint>
#include <span>
#include <string>

namespace jvpgen::tuner {

/// How a tensor's elements make rows.
struct RowShape {
  int64_t length = 1;
  bool isSum = false; ///< each element is a sum over all rows of queries or keys: a gradient of a scalar or head vector
};

struct Deviation {
  double whole = 0, row = 0;
  std::string complaint; ///< wrong whatever the limit: NaN, or an infinity where the truth has none, or lacks one
};

struct DeviationLimit {
  double whole = 0, row = 0;
};

/// What is below this much of what a result's terms are is left of their cancelling, and no number to compare with.
/// Terms are of the order of 1, as inputs are that are drawn.
inline constexpr double kLeastOfTerms = 1e-6;

/// In root mean squares over elements,
///
///     whole:  ||x - truth|| / max(||truth||, kLeastOfTerms)
///     row:    ||x - truth|| / max(||truth||, 1/4 of the typical row's ||truth||, kLeastOfTerms)
///
/// where the typical row is the root mean square of those that are not 0. A sum over all rows may be small by chance:
/// there both are the largest |x - truth| / scale.
Deviation measure(std::span<const double> x, std::span<const double> truth, const RowShape &rows, double scale);

} // namespace jvpgen::tuner

#endif
