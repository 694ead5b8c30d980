// A plan, a shape, random tensors in memory with strides of their own, and the float64 results to compare with.
#ifndef JVPGEN_TESTS_CPU_CASE_H
#define JVPGEN_TESTS_CPU_CASE_H

#include "compiler/cpu/Compile.h"
#include "compiler/ir/Dialect.h"
#include "tests/cpu/Attention.h"
#include <gtest/gtest.h>

namespace jvpgen::test {

/// Numbers of a tensor in any storage type, with guard elements that hold NaN between rows and around.
class Buffer {
public:
  Buffer() = default;
  /// Rows of `feature` elements at strides that leave gaps; `heads` and `rows` per batch.
  Buffer(DType dtype, int64_t batch, int64_t heads, int64_t rows, int64_t feature, int64_t gap);
  TensorView view();
  double get(int64_t b, int64_t h, int64_t row, int64_t f = 0) const;
  void set(double value, int64_t b, int64_t h, int64_t row, int64_t f = 0);
  int64_t batch = 0, heads = 0, rows = 0, feature = 1;
  char axis = 'i'; ///< of rows
  int64_t stride[3] = {0, 0, 0};

private:
  DType dtype = DType::F32;
  std::vector<unsigned char> bytes;
};

struct Shape {
  int batch = 2, heads = 2, kv_heads = 1, q_length = 5, kv_length = 7;
  std::vector<int> q_lengths = {}, kv_lengths = {}; ///< per batch; empty: all are the longest
  bool packed = false;
};

/// Reads a plan of tests/plans, or a text, and changes its module's attributes or text by the caller's hand.
std::string planText(const std::string &file);
std::string replaceAll(std::string text, const std::string &from, const std::string &to);
Result<std::unique_ptr<Executable>> compile(const std::string &text, const CpuOptions &options = {});

/// All tensors of tangent forward and backward, filled at random (NaN beyond the lengths), with the float64 heads.
class Case {
public:
  Case(Shape shape, int head_dim, int head_dim_v, DType dtype, DType output,
       std::function<bool(int b, int h, int i, int j)> keep, double scale, int seed = 1);
  void setLengths();
  Result<void> launch(const Executable &executable);
  Problem problem() const;

  /// Compares an output with the float64 results, as a whole and each row by itself. Errors are relative to the larger
  /// of the norm and a tenth of the norm of the same expression with the absolute value of every term.
  void expectClose(const std::string &output, double limit);
  void expectPadding(const std::string &output, double value);

  Shape shape;
  int head_dim, head_dim_v;
  DType dtype, output;
  std::map<std::string, Buffer> buffers;
  std::vector<int32_t> q_lengths, kv_lengths, q_offsets, kv_offsets;
  std::vector<Head> reference, magnitudes; ///< of (batch, query head)
  TensorMap extra;                         ///< more tensors to hand over

  int qLength(int b) const { return shape.q_lengths.empty() ? shape.q_length : shape.q_lengths[b]; }
  int kvLength(int b) const { return shape.kv_lengths.empty() ? shape.kv_length : shape.kv_lengths[b]; }

private:
  void makeBuffers();
  void fillInputs(int seed);
  void evaluate(const std::function<bool(int b, int h, int i, int j)> &keep, double scale);
  double expected(const std::vector<Head> &heads, const std::string &name, int b, int head, int row, int f) const;
  bool isKeySide(const std::string &name) const;
  double read(const std::string &name, int b, int head, int row, int f) const;
};

} // namespace jvpgen::test

#endif
