// The process that owns a GPU, or compiles: it answers orders until its pipe closes or it breaks.
#ifndef JVPGEN_TUNER_WORKER_H
#define JVPGEN_TUNER_WORKER_H

#include "tuner/Protocol.h"

namespace jvpgen::tuner {

/// Where candidates are verified and timed.
class MeasuringDevice {
public:
  virtual ~MeasuringDevice() = default;
  virtual Attempt<DeviceReport> describe(int ordinal) = 0; ///< opens the device; comes first
  virtual Attempt<OpenAnswer> open(const OpenOrder &order) = 0;
  virtual Attempt<TrialAnswer> trial(const TrialOrder &order) = 0;
  virtual Attempt<FinalAnswer> final(const FinalOrder &order) = 0;
};

class KernelBuilder {
public:
  virtual ~KernelBuilder() = default;
  virtual Attempt<BuildAnswer> build(const BuildOrder &order) = 0;
};

/// Serves descriptors 0 and 1 until nobody asks any more, or something poisoned the process; its exit status. What
/// libraries print goes to standard error.
int serve(MeasuringDevice &device, KernelBuilder &builder);

} // namespace jvpgen::tuner

#endif
