// The keys or values of one head, laid out for both directions of a product.
#ifndef JVPGEN_REFERENCE_MATRIX_H
#define JVPGEN_REFERENCE_MATRIX_H

#include <cstdint>
#include <vector>

namespace jvpgen::reference {

/// Rows are keys, columns features. Sums run one term after the other.
template <typename S> class Matrix {
public:
  Matrix(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), data(size_t(rows * columns)), transposed(size_t(rows * columns)) {}

  S *row(int64_t j) { return data.data() + j * columns; }

  /// To be called when the rows are complete.
  void transpose() {
    for (int64_t j = 0; j < rows; ++j)
      for (int64_t d = 0; d < columns; ++d) transposed[size_t(d * rows + j)] = row(j)[d];
  }

  /// to_j += sum_d x_d M_jd for the keys j, which ascend.
  void addProducts(const std::vector<S> &x, const std::vector<int64_t> &keys, std::vector<S> &to) const {
    if (keys.empty()) return;
    int64_t first = keys.front(), last = keys.back() + 1;
    std::vector<S> sums(size_t(last - first), S(0));
    for (int64_t d = 0; d < columns; ++d) {
      const S factor = x[size_t(d)], *column = transposed.data() + d * rows + first;
      for (int64_t j = 0; j < last - first; ++j) sums[size_t(j)] = sums[size_t(j)] + factor * column[j];
    }
    for (size_t k = 0; k < keys.size(); ++k) to[k] = to[k] + sums[size_t(keys[k] - first)];
  }

  /// to_d += sum_k w_k M_jd with j = keys[k].
  void addCombination(const std::vector<S> &w, const std::vector<int64_t> &keys, std::vector<S> &to) const {
    for (size_t k = 0; k < keys.size(); ++k) {
      const S factor = w[k], *from = data.data() + keys[k] * columns;
      for (int64_t d = 0; d < columns; ++d) to[size_t(d)] = to[size_t(d)] + factor * from[d];
    }
  }

  /// M_jd += w_k x_d with j = keys[k].
  void addOuter(const std::vector<S> &w, const std::vector<int64_t> &keys, const std::vector<S> &x) {
    for (size_t k = 0; k < keys.size(); ++k) {
      S factor = w[k], *to = row(keys[k]);
      for (int64_t d = 0; d < columns; ++d) to[d] = to[d] + factor * x[size_t(d)];
    }
  }

private:
  int64_t rows, columns;
  std::vector<S> data, transposed;
};

} // namespace jvpgen::reference

#endif
