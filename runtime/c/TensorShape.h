// Dimensions as applications name them, and the strides that kernels want.
#ifndef JVPGEN_RUNTIME_C_TENSORSHAPE_H
#define JVPGEN_RUNTIME_C_TENSORSHAPE_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Problem.h"
#include "runtime/c/include/jvpgen/jvpgen.h"
#include "support/Result.h"
#include <string>

namespace jvpgen {

/// A tensor of a program, by what its dimensions are.
class TensorShape {
public:
  TensorShape(const KernelBundle &bundle, const TensorDeclaration &tensor);

  /// Letters of the dimensions in order: b, h query heads, n key heads, i, j, d, e; o is batch + 1.
  const std::string &axes() const { return letters; }

  /// A view with the strides of those dimensions; refuses a shape that is not the problem's.
  Result<TensorView> view(const jvpgen_tensor &tensor, const Problem &problem) const;

private:
  int64_t extent(char axis, const Problem &problem) const;
  std::string shapeText(const Problem &problem) const;
  /// The dimension that stands for each axis; false if they do not correspond.
  bool match(const jvpgen_tensor &tensor, const Problem &problem, int (&dimension)[5]) const;

  std::string name, letters;
  int64_t head_dim_qk, head_dim_v;
  bool is_packed; ///< all sequences behind one another
};

/// A stride of kernels for each axis but features: b, head, i, j.
Problem problemOf(const jvpgen_problem &given);

} // namespace jvpgen

#endif
