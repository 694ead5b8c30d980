// Where elements of a specification's tensors lie, by sequence, head, query, key.
#ifndef JVPGEN_REFERENCE_ACCESS_H
#define JVPGEN_REFERENCE_ACCESS_H

#include "tools/tensors/Interface.h"
#include <algorithm>

namespace jvpgen::reference {

/// One key head of one sequence: its rows inside the tensors, and the sequence's own lengths.
struct Place {
  int64_t batch = 0, kv_head = 0;
  int64_t q_start = 0, q_length = 0; ///< start is 0 unless packed
  int64_t kv_start = 0, kv_length = 0;
};

/// Offsets of one tensor's elements; 0 along an index that it lacks.
class Access {
public:
  Access() = default;
  Access(const AttentionSpec &spec, const HostTensor &tensor) : strides(viewOf(spec, tensor)) {
    for (Extent extent : extentsOf(spec, tensor.name)) {
      query_heads |= extent == Extent::Heads;
      per_head |= extent == Extent::Heads || extent == Extent::KvHeads;
      per_sequence |= extent == Extent::Batch;
      follows |= extent == Extent::QueryTotal || extent == Extent::KeyTotal;
    }
  }

  int64_t offset(const Place &place, int64_t query_head, int64_t i, int64_t j) const {
    const auto &stride = strides.stride;
    return place.batch * stride[0] + (query_heads ? query_head : place.kv_head) * stride[1] +
           (follows * place.q_start + i) * stride[2] + (follows * place.kv_start + j) * stride[3];
  }

  /// Does each element belong to a single place?
  bool isPrivate() const { return (per_sequence || follows) && per_head; }

private:
  TensorView strides;
  bool query_heads = false, per_head = false, per_sequence = false;
  bool follows = false; ///< sequences follow one another
};

/// A tensor that is read.
struct Source {
  const HostTensor *tensor = nullptr;
  Access access;

  double read(const Place &place, int64_t head, int64_t i, int64_t j) const {
    return tensor->get(access.offset(place, head, i, j));
  }
  template <typename S>
  void readFeatures(const Place &place, int64_t head, int64_t i, int64_t j, int64_t n, S *out) const {
    int64_t first = access.offset(place, head, i, j);
    for (int64_t d = 0; d < n; ++d) out[d] = S(tensor->get(first + d));
  }
};

/// A tensor that is written or added to.
template <typename S> struct Target {
  Access access;
  std::vector<int64_t> shape;
  std::vector<S> data;

  S *at(const Place &place, int64_t head, int64_t i, int64_t j) {
    return data.data() + access.offset(place, head, i, j);
  }
};

} // namespace jvpgen::reference

#endif
