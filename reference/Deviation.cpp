// Norms of rows, then of the whole.
#include "reference/Deviation.h"

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace jvpgen;
using namespace jvpgen::reference;

/// Part of the magnitude below which nothing can be told from 0.
static constexpr double kCancelled = 1e-6;
/// Part of the typical row, or of a random sum's spread, below which one counts as small.
static constexpr double kSmall = 0.25;

namespace {
/// Sums of squares over a row or over all.
struct Squares {
  double error = 0, reference = 0, magnitude = 0;
  double spread = 0, chance = 0; ///< of the contributions of query rows, and of their errors

  void add(const Squares &other) {
    error += other.error, reference += other.reference, magnitude += other.magnitude;
    spread += other.spread, chance += other.chance;
  }
  double denominator() const {
    return std::max({std::sqrt(reference), kCancelled * std::sqrt(magnitude), kSmall * std::sqrt(spread)});
  }
};
} // namespace

static std::string place(const std::vector<int64_t> &shape, size_t element) {
  std::vector<int64_t> index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; element /= size_t(shape[axis]))
    index[axis] = int64_t(element) % shape[axis];
  return shapeText(index);
}

/// Is one entry wrong whatever the limit?
static bool isWrong(double value, double reference, double magnitude) {
  if (std::isinf(reference)) return value != reference;
  return std::isnan(reference) || !std::isfinite(value) || (magnitude == 0 && value != 0);
}

static std::string complaint(double value, double reference) {
  std::ostringstream out;
  if (std::isnan(reference))
    out << "is NaN in the reference itself; choose inputs inside the score's domain";
  else
    out << "is " << value << "; " << (reference == 0 ? "exactly " : "") << reference << " is right";
  return out.str();
}

static double ratio(double square, double below) { return square == 0 ? 0 : std::sqrt(square) / below; }

/// Spreads of the entries of a scalar's or head vector's gradient, from contributions [batch, heads, length].
static void addSpreads(const Tensor64 &reference, std::span<const double> rows, std::vector<Squares> &entries) {
  size_t heads = entries.size(), length = reference.rows.size();
  for (size_t k = 0; k < length; ++k) {
    size_t entry = reference.shape.empty() ? 0 : k / reference.row_length % heads;
    double x = reference.rows[k], difference = rows.empty() ? 0 : rows[k] - x;
    entries[entry].spread += x * x, entries[entry].chance += difference * difference;
  }
}

Deviation jvpgen::reference::measure(const Tensor64 &reference, std::span<const double> values,
                                     std::span<const double> rows) {
  Deviation out;
  bool isSum = !reference.rows.empty();
  size_t width = reference.shape.size() == 4 ? size_t(reference.shape.back()) : 1;
  std::vector<Squares> squares(width ? reference.values.size() / width : 0);
  for (size_t k = 0; k < reference.values.size(); ++k) {
    double x = values[k], y = reference.values[k], m = reference.magnitudes[k];
    if (isWrong(x, y, m)) {
      out.complaint = "entry " + place(reference.shape, k) + " " + complaint(x, y);
      return out;
    }
    if (std::isfinite(y)) squares[k / width].add({(x - y) * (x - y), y * y, m * m});
  }
  if (isSum) addSpreads(reference, rows, squares);
  Squares all;
  double filled = 0;
  for (const Squares &row : squares) all.add(row), filled += row.reference > 0;
  double below = all.denominator(), typical = filled && !isSum ? kSmall * std::sqrt(all.reference / filled) : 0;
  out.relative = ratio(all.error, below), out.norm_floor = ratio(all.magnitude, below),
  out.norm_chance = ratio(all.chance, below);
  for (const Squares &row : squares) {
    below = std::max(row.denominator(), typical);
    out.rows.push_back(ratio(row.error, below));
    out.worst_row = std::max(out.worst_row, out.rows.back());
    out.row_floor = std::max(out.row_floor, ratio(row.magnitude, below));
    out.row_chance = std::max(out.row_chance, ratio(row.chance, below));
  }
  return out;
}
