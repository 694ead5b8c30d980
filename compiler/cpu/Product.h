// Sums of matrix products on packed float32 operands: register blocks of rows times vectors.
#ifndef JVPGEN_COMPILER_CPU_PRODUCT_H
#define JVPGEN_COMPILER_CPU_PRODUCT_H

#include "compiler/cpu/Code.h"

namespace jvpgen::cpu {

/// Rows of the register block, and vectors of each row.
struct RegisterBlock {
  unsigned rows, vectors;
};

/// c[m][n] += sum over k < depth of a[m * a_row + k * a_step] * b[k * b_step + n]; depth is a multiple of 8.
struct Product {
  mlir::Value a, b, depth;
  int64_t a_row, a_step, b_step;
};

/// Adds the products into c[m][n] (row step c_step) for m < rows (a multiple of the block's rows) and n < columns (a
/// multiple of the lanes, a constant); `fresh`: c is written, not added to.
void emitProducts(Code &code, RegisterBlock block, llvm::ArrayRef<Product> products, mlir::Value c, int64_t c_step,
                  mlir::Value rows, int64_t columns, bool fresh);

} // namespace jvpgen::cpu

#endif
