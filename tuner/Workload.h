// Tensors for a program and a shape, from what a bundle declares of them alone.
#ifndef JVPGEN_TUNER_WORKLOAD_H
#define JVPGEN_TUNER_WORKLOAD_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Problem.h"
#include <set>
#include <span>
#include <string>
#include <vector>

namespace jvpgen::tuner {

/// How a declared tensor lies in memory: contiguous, the letters of its indices in order.
struct TensorLayout {
  int64_t elements = 0;
  int64_t features = 1;             ///< elements of its innermost rows
  int64_t stride[4] = {0, 0, 0, 0}; ///< of TensorView
  size_t bytes = 0;
};

TensorLayout layoutOf(const KernelBundle &bundle, const TensorDeclaration &tensor, const Problem &problem);

/// The extent of each index of a tensor; packed rows lie behind one another along i or j.
std::vector<int64_t> extentsOf(const KernelBundle &bundle, const TensorDeclaration &tensor, const Problem &problem);

/// A tensor at an address, as a launch takes it.
TensorView viewOf(const TensorDeclaration &tensor, const TensorLayout &layout, void *data);

/// Numbers as a type in memory holds them, to nearest, and back.
std::vector<unsigned char> encoded(std::span<const double> numbers, DType type);
std::vector<double> decoded(std::span<const unsigned char> bytes, DType type);

/// Numbers of an input: standard normal; scalars |N| + 1/2; head vectors 0.3 N; a mask that drops a fifth; four
/// documents of equal length; sequences of the full length. Large tensors repeat a million numbers, each from another
/// place on.
std::vector<unsigned char> inputBytes(const TensorDeclaration &tensor, const TensorLayout &layout,
                                      const Problem &problem, uint64_t seed);

/// The problem that a bundle's layout makes of batch, heads and longest lengths: packed tensors hold every sequence.
Problem completed(const KernelBundle &bundle, Problem problem);

/// The tensors of the interface that a variant's launches name.
std::set<std::string> tensorsOf(const KernelBundle &bundle, const KernelVariant &variant);

/// Programs whose outputs a program reads, in the order of execution: forward before backward, with or without
/// tangents.
std::vector<std::string> programsBefore(const std::string &program);

/// What the program writes: its outputs that no program before it writes.
std::set<std::string> outputsOf(const KernelBundle &bundle, const std::string &program);

} // namespace jvpgen::tuner

#endif
