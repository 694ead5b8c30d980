// Operations on small dense float64 arrays: what one value of a plan means inside a box of indices.
#ifndef JVPGEN_COMPILER_PLAN_ELEMENTS_H
#define JVPGEN_COMPILER_PLAN_ELEMENTS_H

#include "compiler/derive/Interpret.h"
#include "compiler/ir/Dialect.h"

namespace jvpgen {

inline int &at(IndexTuple &t, char index) { return t[IndexSet::kOrder.find(index)]; }
inline int at(const IndexTuple &t, char index) { return t[IndexSet::kOrder.find(index)]; }

/// Where an array keeps the element of a tuple.
size_t offsetOf(const IndexTuple &tuple, IndexSet indices, const Extents &extents);

/// A part of the index space: where it begins and how long it is; of a sequence, or of everything.
struct Box {
  IndexTuple origin{};
  Extents lengths;
  int group = 1; ///< query heads per key head
  int q_length = 0, kv_length = 0;
};

/// Evaluates attn.constant, index, lin, mul, apply, mexp, sum in a box. `kept` (indices "ij" or "bnrij") is needed by
/// mexp alone.
DenseArray evaluateElements(mlir::Operation &op, const std::vector<const DenseArray *> &operands, const Box &box,
                            const DenseArray *kept);

/// sum over `over` of the product of two arrays; the result has all other indices.
DenseArray contract(const DenseArray &a, const DenseArray &b, IndexSet over, const Box &box);

} // namespace jvpgen

#endif
