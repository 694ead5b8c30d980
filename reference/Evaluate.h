// Evaluates a parsed specification in float64, by its own dual numbers and tape; what every result is judged by.
#ifndef JVPGEN_REFERENCE_EVALUATE_H
#define JVPGEN_REFERENCE_EVALUATE_H

#include "compiler/spec/AttentionSpec.h"
#include "runtime/abi/Problem.h"
#include "tools/tensors/HostTensor.h"

namespace jvpgen::reference {

/// A result: row-major values and, from `evaluate`, for each the same expression with the absolute value of every term.
/// Gradients of scalars and head vectors also show what each query row added: [batch, heads, length].
struct Tensor64 {
  std::vector<int64_t> shape;
  std::vector<double> values, magnitudes, rows;
  size_t row_length = 0; ///< the last extent of `rows`
};

using TensorSet64 = std::map<std::string, Tensor64, std::less<>>;

/// Everything that a program writes. Saved outputs of earlier programs are not used: the backward programs start from
/// the primals, tangents and cotangents. Rows without keys and rows in the padding: o = to = mu = 0, lse = -inf, no
/// gradient.
Result<TensorSet64> evaluate(const AttentionSpec &spec, const Problem &problem, const TensorSet &inputs,
                             std::string_view program);

/// What a plain implementation in the specification's own types computes, in float32 with sums one term after the
/// other. Rounded to the type of q, k, v (TF32, if the specification asks for it) are the operands of matrix products
/// and the results of products that are again factors of tiles: P, P o (tS - mu), the gradients of both and of z and
/// tz. Scores and row statistics stay float32, functions err as `Functions` says. Backward programs work with o and to
/// as they were stored. Results are rounded to their types. No rounding is *the* rounding: each realisation is another
/// that is as good, and only the first keeps to the numbers as they stand.
Result<TensorSet64> evaluatePlain(const AttentionSpec &spec, const Problem &problem, const TensorSet &inputs,
                                  std::string_view program, uint64_t realisation = 0);

} // namespace jvpgen::reference

#endif
