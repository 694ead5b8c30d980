// Inputs at a small shape whose sequences have other lengths each, and whose padding must not be read.
#ifndef JVPGEN_TUNER_RAGGEDINPUTS_H
#define JVPGEN_TUNER_RAGGEDINPUTS_H

#include "tuner/Workload.h"
#include <map>

namespace jvpgen::tuner {

/// Bytes of tensors by name, as layoutOf has them.
using TensorBytes = std::map<std::string, std::vector<unsigned char>>;

/// Two sequences, the second one shorter where the layout allows it, of lengths that are multiples of no tile;
/// `longest` gives heads and the first one's lengths.
Problem raggedProblem(const KernelBundle &bundle, const Problem &longest);

/// Every input that the bundle declares, drawn by inputBytes; the padding of padded tensors is NaN.
TensorBytes raggedInputs(const KernelBundle &bundle, const Problem &ragged, uint64_t seed);

} // namespace jvpgen::tuner

#endif
