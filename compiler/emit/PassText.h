// Pre- and post-passes as kernels.
#ifndef JVPGEN_COMPILER_EMIT_PASSTEXT_H
#define JVPGEN_COMPILER_EMIT_PASSTEXT_H

#include "compiler/emit/SweepText.h"

namespace jvpgen {

/// One kernel that computes several statistics of the same indices.
Result<KernelText> prePassText(llvm::ArrayRef<attn::PreOp> passes, const Interface &interface,
                               const std::string &kernel, const std::string &title);

/// The kernel that judges the boxes of a mask (see maskBoxes).
Result<KernelText> boxPassText(const TensorInfo &boxes, const Interface &interface, const std::string &kernel,
                               const std::string &title);

/// One kernel that adds up an output.
Result<KernelText> postPassText(attn::PostOp pass, const Interface &interface, const std::string &kernel,
                                const std::string &title);

/// Threads / 32 of either.
inline constexpr int kPassWarps = 8;

} // namespace jvpgen

#endif
