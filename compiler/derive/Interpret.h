// Float64 evaluation of programs on small dense arrays: what the printed mathematics means.
#ifndef JVPGEN_COMPILER_DERIVE_INTERPRET_H
#define JVPGEN_COMPILER_DERIVE_INTERPRET_H

#include "compiler/ir/Program.h"
#include "support/Result.h"
#include <array>
#include <functional>
#include <map>

namespace jvpgen {

/// The length of each index, in the order of IndexSet::kOrder.
class Extents {
public:
  Extents() { lengths.fill(1); }
  int &operator[](char index) { return lengths[IndexSet::kOrder.find(index)]; }
  int operator[](char index) const { return lengths[IndexSet::kOrder.find(index)]; }
  /// The number of index tuples.
  size_t tuples(IndexSet indices) const;

private:
  std::array<int, IndexSet::kOrder.size()> lengths;
};

/// A number for each of the eight indices, in the order of IndexSet::kOrder; 0 where an index does not count.
using IndexTuple = std::array<int, IndexSet::kOrder.size()>;

/// Calls f for each tuple of the indices, in the order of a DenseArray.
template <typename F> void forEachTuple(IndexSet indices, const Extents &extents, F f) {
  IndexTuple at{};
  for (size_t n = extents.tuples(indices); n; --n) {
    f(at);
    for (size_t k = at.size(); k--;) {
      char c = IndexSet::kOrder[k];
      if (!indices.has(c)) continue;
      if (++at[k] < extents[c]) break;
      at[k] = 0;
    }
  }
}

/// A number for each tuple of the indices, the last index of the canonical order fastest.
struct DenseArray {
  IndexSet indices;
  std::vector<double> values;
};

/// Keeps an entry (batch, query head, i, j).
using MaskFunction = std::function<bool(int b, int h, int i, int j)>;

struct Interpretation {
  std::map<std::string, DenseArray> outputs;
  double matmuls = 0; ///< products executed, in units of 2 Sq Sk head_dim_qk FLOP per query head
};

/// Evaluates the outputs. Inputs are looked up by name; each must be there with its term's indices.
Result<Interpretation> interpret(const Program &program, const Extents &extents,
                                 const std::map<std::string, DenseArray> &inputs, const MaskFunction &keep);

} // namespace jvpgen

#endif
