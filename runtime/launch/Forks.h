// Whether this process is still the one that opened the GPU: CUDA does not work on both sides of a fork.
#ifndef JVPGEN_RUNTIME_LAUNCH_FORKS_H
#define JVPGEN_RUNTIME_LAUNCH_FORKS_H

namespace jvpgen {

/// How many forks lie between this process and the one in which this was first asked; costs one load.
unsigned forksSoFar();

} // namespace jvpgen

#endif
