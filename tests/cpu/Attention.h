// Attention with a plain score, its tangent, and the gradient through both, in float64 by the formulas of the
// mathematics.
#ifndef JVPGEN_TESTS_CPU_ATTENTION_H
#define JVPGEN_TESTS_CPU_ATTENTION_H

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace jvpgen::test {

/// A row-major matrix of float64.
struct Matrix {
  int rows = 0, columns = 0;
  std::vector<double> data;
  Matrix() = default;
  Matrix(int rows, int columns) : rows(rows), columns(columns), data(size_t(rows) * columns) {}
  double &operator()(int i, int j) { return data[size_t(i) * columns + j]; }
  double operator()(int i, int j) const { return data[size_t(i) * columns + j]; }
};

/// a b^T
inline Matrix timesTransposed(const Matrix &a, const Matrix &b) {
  Matrix c(a.rows, b.rows);
  for (int i = 0; i < a.rows; ++i)
    for (int j = 0; j < b.rows; ++j)
      for (int k = 0; k < a.columns; ++k) c(i, j) += a(i, k) * b(j, k);
  return c;
}
/// c += s a b
inline void addTimes(Matrix &c, double s, const Matrix &a, const Matrix &b) {
  for (int i = 0; i < a.rows; ++i)
    for (int k = 0; k < a.columns; ++k)
      for (int j = 0; j < b.columns; ++j) c(i, j) += s * a(i, k) * b(k, j);
}
/// c += s a^T b
inline void addTransposedTimes(Matrix &c, double s, const Matrix &a, const Matrix &b) {
  for (int i = 0; i < a.rows; ++i)
    for (int k = 0; k < a.columns; ++k)
      for (int j = 0; j < b.columns; ++j) c(k, j) += s * a(i, k) * b(i, j);
}

using Keep = std::function<bool(int i, int j)>;

/// One head: inputs are set, then evaluate().
struct Head {
  double scale = 1;
  Keep keep;
  Matrix q, k, v, tq, tk, tv;
  Matrix o, to, p, t, ts;
  std::vector<double> lse, mu;
  Matrix g, h; ///< cotangents of o, to
  std::vector<double> gl, gm;
  Matrix dq, dk, dv, dtq, dtk, dtv;

  /// P = softmax(scale q k^T)
  void weights() {
    int n = q.rows, m = k.rows;
    Matrix s = timesTransposed(q, k);
    p = Matrix(n, m);
    lse.assign(n, -std::numeric_limits<double>::infinity());
    for (int i = 0; i < n; ++i) {
      double top = lse[i], sum = 0;
      for (int j = 0; j < m; ++j)
        if (keep(i, j)) top = std::max(top, scale * s(i, j));
      for (int j = 0; j < m; ++j)
        if (keep(i, j)) sum += std::exp(scale * s(i, j) - top);
      if (sum > 0) lse[i] = top + std::log(sum);
      for (int j = 0; j < m; ++j)
        if (keep(i, j)) p(i, j) = std::exp(scale * s(i, j) - lse[i]);
    }
  }

  /// mu = rowsum(P tS), O = P V, tO = (P (tS - mu)) V + P tV; `minus` is -1
  void forward(double minus) {
    Matrix a = timesTransposed(tq, k), b = timesTransposed(q, tk);
    ts = t = p;
    mu.assign(q.rows, 0);
    for (int i = 0; i < p.rows; ++i) {
      for (int j = 0; j < p.columns; ++j) {
        ts(i, j) = scale * (a(i, j) + b(i, j));
        mu[i] += p(i, j) * ts(i, j);
      }
      for (int j = 0; j < p.columns; ++j) t(i, j) = p(i, j) * (ts(i, j) + minus * mu[i]);
    }
    o = to = Matrix(q.rows, v.columns);
    addTimes(o, 1, p, v);
    addTimes(to, 1, t, v), addTimes(to, 1, p, tv);
  }

  /// A = H V^T, B = G V^T + H tV^T, a = rowsum(H O) - gm, D = rowsum(G O) + rowsum(H tO) - gl, T = P (tS - mu),
  /// dtS = P (A - a), dS = P (B - D) + T (A - a)
  void backward(double minus) {
    Matrix big = timesTransposed(h, v), b = timesTransposed(g, v), b2 = timesTransposed(h, tv), ds = p, dts = p;
    for (int i = 0; i < p.rows; ++i) {
      double a = minus * gm[i], d = minus * gl[i];
      for (int e = 0; e < v.columns; ++e) {
        a += h(i, e) * o(i, e);
        d += g(i, e) * o(i, e) + h(i, e) * to(i, e);
      }
      for (int j = 0; j < p.columns; ++j) {
        dts(i, j) = p(i, j) * (big(i, j) + minus * a);
        ds(i, j) = p(i, j) * (b(i, j) + b2(i, j) + minus * d) + t(i, j) * (big(i, j) + minus * a);
      }
    }
    auto zero = [](const Matrix &x) { return Matrix(x.rows, x.columns); };
    dq = dtq = zero(q), dk = dtk = zero(k), dv = dtv = zero(v);
    addTimes(dq, scale, ds, k), addTimes(dq, scale, dts, tk), addTimes(dtq, scale, dts, k);
    addTransposedTimes(dk, scale, ds, q), addTransposedTimes(dk, scale, dts, tq),
        addTransposedTimes(dtk, scale, dts, q);
    addTransposedTimes(dv, 1, p, g), addTransposedTimes(dv, 1, t, h), addTransposedTimes(dtv, 1, p, h);
  }

  void evaluate() {
    weights();
    forward(-1);
    backward(-1);
  }

  /// The same expressions with the absolute value of every term: what rounding is relative to.
  Head magnitudes() const {
    Head m = *this;
    for (Matrix *x : {&m.q, &m.k, &m.v, &m.tq, &m.tk, &m.tv, &m.g, &m.h})
      for (double &value : x->data) value = std::abs(value);
    for (auto *x : {&m.gl, &m.gm})
      for (double &value : *x) value = std::abs(value);
    Matrix s = timesTransposed(m.q, m.k);
    for (int i = 0; i < q.rows; ++i) {
      m.lse[i] = 0;
      for (int j = 0; j < k.rows; ++j)
        if (keep(i, j)) m.lse[i] = std::max(m.lse[i], scale * s(i, j));
    }
    m.forward(1);
    m.backward(1);
    return m;
  }
};

} // namespace jvpgen::test

#endif
