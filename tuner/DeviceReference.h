// Judges a tuner's candidates by the float64 references of their bundle, evaluated on the GPU that they run on.
#ifndef JVPGEN_TUNER_DEVICEREFERENCE_H
#define JVPGEN_TUNER_DEVICEREFERENCE_H

#include "tuner/Reference.h"

namespace jvpgen::tuner {

/// At a small shape whose lengths are multiples of no tile; OpenOrder::references are what it takes.
Result<std::unique_ptr<Reference>> openDeviceReference(const OpenOrder &order, const KernelBundle &bundle,
                                                       const DevicePointer &device);

/// An order's candidate with its machine code on a device.
Result<std::unique_ptr<Executable>> load(const Runnable &runnable, const KernelBundle &bundle,
                                         const DevicePointer &device);

} // namespace jvpgen::tuner

#endif
