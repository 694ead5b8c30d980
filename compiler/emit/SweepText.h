// The policy of one sweep kernel, as text, and what the runtime must know to launch it.
#ifndef JVPGEN_COMPILER_EMIT_SWEEPTEXT_H
#define JVPGEN_COMPILER_EMIT_SWEEPTEXT_H

#include "compiler/emit/Pointwise.h"

namespace jvpgen {

/// A kernel's text and its launch, whose `source`, `schedule` the caller fills in.
struct KernelText {
  std::string text;
  Launch launch;
  std::vector<SourceFile> headers; ///< that the text includes, templates aside
};

/// `kept` are values (accumulators, maxima, centres) that post-passes read: they are stored in the workspace.
Result<KernelText> sweepText(const SweepProgram &program, const std::string &kernel, const std::string &title,
                             llvm::ArrayRef<TensorInfo> kept);

} // namespace jvpgen

#endif
