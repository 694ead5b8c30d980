// Norms of rows, then of the whole.
#include "reference/Deviation.h"

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace jvpgen;
using namespace jvpgen::reference;

/// Part of the magnitude below which a value counts as cancelled.
static constexpr double kCancelled = 1e-3;
/// Part of the typical row below which a row counts as small.
static constexpr double kSmallRow = 0.25;
/// Part of a random sum's expected size below which a single number counts as small.
static constexpr double kSmallSum = 0.1;

namespace {
struct Squares {
  double error = 0, reference = 0, magnitude = 0;

  void add(const Squares &other) { error += other.error, reference += other.reference, magnitude += other.magnitude; }
};
} // namespace

static std::string place(const std::vector<int64_t> &shape, size_t element) {
  std::vector<int64_t> index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; element /= size_t(shape[axis]))
    index[axis] = int64_t(element) % shape[axis];
  return shapeText(index);
}

/// What is wrong with one entry whatever the limit, or nothing.
static std::string complain(double value, double reference, double magnitude) {
  std::ostringstream out;
  if (std::isnan(reference))
    out << "the reference itself is NaN; choose inputs inside the score's domain";
  else if (std::isinf(reference) && value != reference)
    out << "is " << value << ", " << reference << " is right";
  else if (!std::isinf(reference) && !std::isfinite(value))
    out << "is " << value << ", " << reference << " is right";
  else if (magnitude == 0 && value != 0)
    out << "is " << value << ", exactly 0 is right";
  return out.str();
}

Deviation jvpgen::reference::measure(const Tensor64 &reference, std::span<const double> values, double terms) {
  Deviation out;
  size_t row = reference.shape.size() == 4 ? size_t(reference.shape.back()) : 1;
  std::vector<Squares> rows(row ? reference.values.size() / row : 0);
  for (size_t k = 0; k < reference.values.size(); ++k) {
    double x = values[k], y = reference.values[k], m = reference.magnitudes[k];
    if (std::string why = complain(x, y, m); !why.empty()) {
      out.complaint = "entry " + place(reference.shape, k) + " " + why;
      return out;
    }
    if (std::isfinite(y)) rows[k / row].add({(x - y) * (x - y), y * y, m * m});
  }
  Squares all;
  double filled = 0;
  for (const Squares &r : rows) all.add(r), filled += r.reference > 0;
  auto ratio = [](double above, double below) { return above == 0 ? 0 : above / below; };
  double chance = terms > 0 ? kSmallSum / std::sqrt(terms) : 0;
  double typical = filled ? kSmallRow * std::sqrt(all.reference / filled) : 0;
  auto denominator = [&](const Squares &s) {
    return std::max(std::sqrt(s.reference), std::max(kCancelled, chance) * std::sqrt(s.magnitude));
  };
  out.relative = ratio(std::sqrt(all.error), denominator(all));
  out.norm_floor = ratio(std::sqrt(all.magnitude), denominator(all));
  for (const Squares &r : rows) {
    double below = std::max(denominator(r), typical);
    out.worst_row = std::max(out.worst_row, ratio(std::sqrt(r.error), below));
    out.row_floor = std::max(out.row_floor, ratio(std::sqrt(r.magnitude), below));
  }
  return out;
}
