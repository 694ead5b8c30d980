// What `jvpgen tune` tunes: a specification, which is emitted for each GPU, or a bundle as it stands.
#ifndef JVPGEN_TOOLS_JVPGEN_TUNESOURCE_H
#define JVPGEN_TOOLS_JVPGEN_TUNESOURCE_H

#include "tools/jvpgen/Command.h"

namespace jvpgen {

struct TuneSource {
  Request request; ///< of a bundle, with the programs that are in it
  std::function<Result<KernelBundle>(const Target &target)> emit;
};

/// `options.file` is a specification, or the folder of a bundle, which takes no compiler but NVRTC.
Result<TuneSource> openTuneSource(const SpecOptions &options);

} // namespace jvpgen

#endif
