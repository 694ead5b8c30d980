// Between a specification's tensors and tensors in memory: shapes, views, the problem that a set of tensors states.
#ifndef JVPGEN_TOOLS_TENSORS_INTERFACE_H
#define JVPGEN_TOOLS_TENSORS_INTERFACE_H

#include "compiler/spec/AttentionSpec.h"
#include "runtime/abi/Problem.h"
#include "tools/tensors/HostTensor.h"
#include <span>

namespace jvpgen {

/// What an extent of a tensor counts.
enum class Extent {
  One,
  Batch,
  BatchPlusOne,
  Heads,
  KvHeads,
  QueryRows,
  KeyRows,
  QueryTotal,
  KeyTotal,
  HeadDimQk,
  HeadDimV
};

/// Extents of a tensor in a file; empty for scalars. q, o, lse...: [batch, heads, length(, head dim)], bias and mask:
/// [batch, heads, queries, keys], head vectors: [heads], integer vectors: [batch, length], q_lengths: [batch],
/// q_offsets: [batch + 1]. A bias has 1 where it is broadcast. Packed: all sequences lie behind one another along
/// queries or keys, with 1 for the batch (integer vectors: no batch); bias and mask keep the batch, and have the
/// longest lengths.
std::vector<Extent> extentsOf(const AttentionSpec &spec, std::string_view tensor);

std::vector<int64_t> shapeOf(const AttentionSpec &spec, const Problem &problem, std::string_view tensor);

/// The type of a tensor of a program; lengths and offsets included.
DType typeOf(const AttentionSpec &spec, std::string_view tensor);

/// The named input that a tensor is, or is the tangent, gradient or gradient of the tangent of; null for q, k, v, o...
const NamedInput *namedInputOf(const AttentionSpec &spec, std::string_view tensor);

/// The problem that the named tensors state together. Every one must be there, have its type, and agree with the
/// others; lengths and offsets must be in range. The message names the tensor, what was expected and why.
Result<Problem> deduceProblem(const AttentionSpec &spec, const TensorSet &tensors, std::span<const std::string> names);

/// Strides as the launch interface wants them. `data` replaces the tensor's own bytes (a copy on a device) if it is
/// given.
TensorView viewOf(const AttentionSpec &spec, const HostTensor &tensor, void *data = nullptr);
TensorMap viewsOf(const AttentionSpec &spec, TensorSet &tensors);

/// What a program writes, allocated and filled with NaN, so that what it leaves out is seen.
TensorSet poisonedOutputs(const AttentionSpec &spec, const Problem &problem, std::string_view program);

} // namespace jvpgen

#endif
