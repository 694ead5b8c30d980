// The stage that turns plans into CUDA text: every plan of a module becomes a variant of a kernel bundle.
#ifndef JVPGEN_COMPILER_EMIT_EMIT_H
#define JVPGEN_COMPILER_EMIT_EMIT_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Target.h"
#include "support/Result.h"

namespace mlir {
class ModuleOp;
}

namespace jvpgen {

/// Emits all plans of the module, with the default schedules of `target`. A program's default variant comes first: on
/// the target's own skeleton, in registers, with the fewest products, in this order. Plans that the skeletons do not
/// run (accumulators in memory) are left out with a notice; a program none of whose plans they run is an error of kind
/// Unsupported.
Result<KernelBundle> emitBundle(mlir::ModuleOp module, const Target &target);

/// The template files that emitted text includes, as they were when this program was built.
const std::vector<SourceFile> &templateFiles();

} // namespace jvpgen

#endif
