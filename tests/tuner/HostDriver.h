// A driver whose GPU is the host: memory is the heap, a kernel doubles numbers, and how well it does is written in its
// machine code.
#ifndef JVPGEN_TESTS_TUNER_HOSTDRIVER_H
#define JVPGEN_TESTS_TUNER_HOSTDRIVER_H

#include "runtime/launch/Driver.h"

namespace jvpgen {

/// Kernels have one parameter: a Problem, then the tensors q and o of float32, without gaps. Machine code is a text of
/// words: "us=40" takes so long, "wrong" triples (beside "large" rows of 128 alone), "lazy" writes nothing,
/// "double" writes float64, "unsteady" writes other last bits each time,
/// "fault" breaks the device, which fails from then on. The driver fails to allocate more than 64 MiB at once.
const Driver &hostDriver();

/// Heals what a fault broke.
void healHostDriver();

} // namespace jvpgen

#endif
