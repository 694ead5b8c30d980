// Evaluation of attn.mask: the predicate at an entry, and what it says of a box of entries.
#ifndef JVPGEN_COMPILER_PLAN_MASKINTERPRETER_H
#define JVPGEN_COMPILER_PLAN_MASKINTERPRETER_H

#include "compiler/ir/Dialect.h"
#include <functional>

namespace jvpgen {

/// The element of a named tensor for the predicate's batch and head, at i or j where the tensor has them.
using Fetch = std::function<double(llvm::StringRef name, int batch, int head, llvm::ArrayRef<std::pair<char, int>> at)>;

enum class TileClass { Empty, Partial, Full };

class MaskInterpreter {
public:
  MaskInterpreter(attn::MaskOp mask, Fetch fetch) : mask(mask), fetch(std::move(fetch)) {}

  bool keeps(int batch, int head, int i, int j, int qLength, int kvLength) const;

  /// Of the entries i0..i1, j0..j1, ends included.
  TileClass classify(int batch, int head, int i0, int i1, int j0, int j1, int qLength, int kvLength) const;

private:
  std::vector<double> run(mlir::Region &region, llvm::ArrayRef<int> arguments) const;

  attn::MaskOp mask;
  Fetch fetch;
};

} // namespace jvpgen

#endif
