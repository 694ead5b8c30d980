// The judge of candidates at a small ragged shape: whatever knows what their outputs should be, in float64.
#ifndef JVPGEN_TUNER_REFERENCE_H
#define JVPGEN_TUNER_REFERENCE_H

#include "runtime/abi/Executable.h"
#include "runtime/launch/Device.h"
#include "tuner/Protocol.h"
#include <functional>
#include <memory>

namespace jvpgen::tuner {

class Reference {
public:
  virtual ~Reference() = default;

  /// The largest relative error of the outputs of the program that was opened; a failure of the outcome Wrong says
  /// which is wrong and how.
  virtual Attempt<double> judge(const Executable &executable) = 0;
};

/// Makes the reference for an order's program on a device.
using OpenReference = std::function<Result<std::unique_ptr<Reference>>(
    const OpenOrder &order, const KernelBundle &bundle, const DevicePointer &device)>;

} // namespace jvpgen::tuner

#endif
