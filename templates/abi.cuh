// What a kernel receives: the run-time shape and its tensors, laid out as runtime/abi hands them over.
#pragma once

#include "primitives.cuh"

/// Mirrors jvpgen::Problem field by field.
struct Problem {
  i64 batch, heads, kv_heads;
  i64 q_length, kv_length; ///< the longest of any sequence
  i64 q_total, kv_total;   ///< rows of packed tensors
};

/// A pointer and strides in elements along b, head, i, j (0 where the tensor is broadcast); the feature index is
/// contiguous.
struct Tensor {
  void *data;
  i64 stride[4];
};

static_assert(sizeof(Problem) == 56 && sizeof(Tensor) == 40);

// Every kernel takes one parameter by value, a struct of its own:  struct Args { Problem problem; Tensor a, b, ...; };
