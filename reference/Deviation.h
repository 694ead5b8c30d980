// How far a tensor is from the reference, as a whole and row by row.
#ifndef JVPGEN_REFERENCE_DEVIATION_H
#define JVPGEN_REFERENCE_DEVIATION_H

#include "reference/Evaluate.h"
#include <span>

namespace jvpgen::reference {

/// Relative errors by Frobenius norms. A denominator is never below what rounding could be asked to find:
///
///     whole:  ||x - ref|| / max(||ref||, 1e-6 ||mag||)
///     row:    ||x - ref|| / max(||ref||, 1e-6 ||mag||, 1/4 of the typical row's ||ref||)
///
/// where mag is the same expression with the absolute value of every term, and the typical row the root mean square of
/// those that are not 0. Rows run along the last index of tensors with four indices; in others each entry is a row. An
/// entry that every query row adds to, the gradient of a scalar or head vector, may be small by chance: for it the
/// denominator is max(|ref|, 1e-6 mag, spread / 4), where spread^2 is the sum of the rows' squares.
struct Deviation {
  double relative = 0, worst_row = 0;
  std::vector<double> rows;               ///< the error of each
  double norm_floor = 0, row_floor = 0;   ///< mag over the denominator: of the whole, and the largest of any row
  double norm_chance = 0, row_chance = 0; ///< for such gradients: what the rows' errors leave if their signs are random
  std::string complaint;                  ///< why the tensor is wrong whatever the limit, or empty

  bool isFinite() const { return complaint.empty(); }
};

/// Wrong whatever the limit: NaN, an infinity that the reference has not (or lacks), and anything but 0 where every
/// term is 0: rows without keys, padding, masked entries. `rows` are the contributions of rows, where they are known.
Deviation measure(const Tensor64 &reference, std::span<const double> values, std::span<const double> rows = {});

} // namespace jvpgen::reference

#endif
