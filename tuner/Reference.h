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

  /// The largest relative error of the program's outputs; a failure of the outcome Wrong says which is wrong and how.
  virtual Attempt<double> judge(const std::string &program, const Executable &executable,
                                const DevicePointer &device) = 0;
};

/// Makes the reference for a program on a device, from the bundle or its specification.
using OpenReference = std::function<Result<std::unique_ptr<Reference>>(const OpenOrder &order)>;

} // namespace jvpgen::tuner

#endif
