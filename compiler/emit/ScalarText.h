// Expressions outside tiles (epilogues, pre- and post-passes) as C++ statements over floats.
#ifndef JVPGEN_COMPILER_EMIT_SCALARTEXT_H
#define JVPGEN_COMPILER_EMIT_SCALARTEXT_H

#include "compiler/ir/Dialect.h"
#include "support/Result.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>

namespace jvpgen {

/// Prints values on demand, each once; what has a feature index goes to the inner text.
class ScalarText {
public:
  std::function<Result<std::string>(attn::InputOp)> leaf;
  std::function<Result<std::string>(attn::IndexOp)> place;
  std::function<Result<std::string>(attn::SumOp)> sum; ///< absent: sums are refused

  Result<std::string> use(mlir::Value v);
  std::string outer, inner;
  std::string fresh(const std::string &stem) { return stem + std::to_string(count++); }

  /// Forgets what has a feature index: another loop over features begins.
  void forgetInner();
  /// Evaluates the body of a sum into a text of its own.
  Result<std::string> body(mlir::Value v, std::string &statements);

private:
  Result<std::string> expression(mlir::Operation *op);
  llvm::DenseMap<mlir::Value, std::string> names;
  int depth = 0; ///< sums around
  int count = 0;
};

} // namespace jvpgen

#endif
