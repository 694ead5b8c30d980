// What a GPU says of its clocks: NVIDIA's management library, opened at run time where it is installed.
#ifndef JVPGEN_TUNER_NVML_H
#define JVPGEN_TUNER_NVML_H

#include "db/Trial.h"
#include <memory>
#include <string>

namespace jvpgen::tuner {

/// Reasons for which clocks are lower than they could be, as NVML's bits (nvmlClocksEventReason...).
namespace clock_reason {
constexpr unsigned long long kHardwareSlowdown = 0x8, kThermalSoftware = 0x20, kThermalHardware = 0x40,
                             kPowerBrake = 0x80;
} // namespace clock_reason

/// "the GPU was too hot", ...: empty where nothing happened that a measurement has to be repeated for. A power cap,
/// which is what large kernels normally run into, is no such thing, nor are clocks that somebody set.
std::string slowdownIn(unsigned long long reasons);

class Nvml {
public:
  /// Of the GPU with this PCI address. Without the library, everything below is empty or 0.
  static Nvml open(int domain, int bus, int device);

  std::string slowdown() const; ///< at this moment, in words
  std::string driverVersion() const;

  /// Fills clocks and the power cap in.
  void describe(TrialDevice &device) const;

private:
  struct Functions;
  std::shared_ptr<const Functions> call;
  void *handle = nullptr;
};

} // namespace jvpgen::tuner

#endif
