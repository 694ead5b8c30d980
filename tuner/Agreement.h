// Whether two kernels computed the same: a candidate's outputs beside those of the verified default.
#ifndef JVPGEN_TUNER_AGREEMENT_H
#define JVPGEN_TUNER_AGREEMENT_H

#include "runtime/abi/Tensor.h"
#include <cstdint>
#include <span>
#include <string>

namespace jvpgen::tuner {

struct Agreement {
  double relative_error = 0; ///< |a - b| / |b|, Frobenius
  double worst_row = 0;      ///< the largest |a_row - b_row| / max(|b_row|, root mean square of all |b_row|)
  std::string complaint;     ///< empty if they agree
};

/// Compares rows of `features` elements. Both are roundings of the same numbers, hence a whole tensor may differ by
/// eight roundings of `operands`, the type of what products multiply, and a row by 64; products of float32 operands add
/// up more roundings than that of their own type, and count as ones of 18 bits. A sum over all rows, as gradients of
/// scalars and head vectors are, can nearly cancel: 256 roundings are left to it, and its precision to the reference.
/// Numbers that are not finite must be the same bits.
Agreement compare(std::span<const unsigned char> a, std::span<const unsigned char> b, DType type, int64_t features,
                  DType operands, bool isSum = false);

} // namespace jvpgen::tuner

#endif
