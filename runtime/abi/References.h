// The reference programs of a bundle as a bundle of their own, which launches as any other does.
#ifndef JVPGEN_RUNTIME_ABI_REFERENCES_H
#define JVPGEN_RUNTIME_ABI_REFERENCES_H

#include "runtime/abi/KernelBundle.h"
#include <string_view>

namespace jvpgen {

/// Ways to evaluate a program without any planning, one block for all of it. Outputs are F64 in all of them, also where
/// a backward program reads an earlier one's.
///   derived     as the derivative rules gave it, in float64; forward programs with all that a backward one may read
///   simplified  as plans start from it, in float64
///   rounded     the same in float32, the operands of products rounded to their type: what a plain kernel errs by
inline constexpr const char *kDerivedReference = "derived", *kSimplifiedReference = "simplified",
                            *kRoundedReference = "rounded";

/// Threads / 32 of their blocks.
inline constexpr int kReferenceWarps = 16;

/// The header of their texts, which no other kernel includes.
inline constexpr std::string_view kReferenceHeader = "reference.cuh";

/// KernelBundle::references with the texts and an interface whose outputs are F64.
KernelBundle referencesOf(const KernelBundle &bundle);

/// Null if there is none.
const KernelVariant *findReference(const KernelBundle &bundle, std::string_view program, std::string_view variant);

} // namespace jvpgen

#endif
