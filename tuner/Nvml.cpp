#include "tuner/Nvml.h"

#include "runtime/jit/SharedLibrary.h"
#include <cstdio>

using namespace jvpgen;
using namespace jvpgen::tuner;

/// Signatures of nvml.h; every one returns 0 for success.
struct Nvml::Functions {
  int (*init)();
  int (*handleByPciBusId)(const char *id, void **handle);
  int (*driverVersion)(char *text, unsigned length);
  int (*clockReasons)(void *handle, unsigned long long *reasons);
  int (*maxClock)(void *handle, int type, unsigned *mhz);
  int (*powerLimit)(void *handle, unsigned *milliwatts);
};

std::string tuner::slowdownIn(unsigned long long reasons) {
  if (reasons & (clock_reason::kThermalSoftware | clock_reason::kThermalHardware)) return "the GPU was too hot";
  if (reasons & clock_reason::kPowerBrake) return "the machine's power supply slowed the GPU down";
  if (reasons & clock_reason::kHardwareSlowdown) return "the GPU's hardware slowed it down";
  return "";
}

Nvml Nvml::open(int domain, int bus, int device) {
  Nvml out;
  Result<SharedLibrary> library = SharedLibrary::open("libnvidia-ml.so.1");
  if (!library) return out;
  auto call = std::make_shared<Functions>();
  const bool bound = library->bind(call->init, "nvmlInit_v2") &&
                     library->bind(call->handleByPciBusId, "nvmlDeviceGetHandleByPciBusId_v2") &&
                     library->bind(call->driverVersion, "nvmlSystemGetDriverVersion") &&
                     (library->bind(call->clockReasons, "nvmlDeviceGetCurrentClocksEventReasons") ||
                      library->bind(call->clockReasons, "nvmlDeviceGetCurrentClocksThrottleReasons")) &&
                     library->bind(call->maxClock, "nvmlDeviceGetMaxClockInfo") &&
                     library->bind(call->powerLimit, "nvmlDeviceGetEnforcedPowerLimit");
  char id[32];
  std::snprintf(id, sizeof id, "%08x:%02x:%02x.0", unsigned(domain), unsigned(bus), unsigned(device));
  if (!bound || call->init() != 0 || call->handleByPciBusId(id, &out.handle) != 0) return out;
  out.call = std::move(call);
  return out;
}

std::string Nvml::slowdown() const {
  unsigned long long reasons = 0;
  return call && call->clockReasons(handle, &reasons) == 0 ? slowdownIn(reasons) : "";
}

std::string Nvml::driverVersion() const {
  char text[96] = {};
  return call && call->driverVersion(text, sizeof text) == 0 ? text : "";
}

void Nvml::describe(TrialDevice &device) const {
  constexpr int kStreamingMultiprocessors = 1, kMemory = 2; // nvmlClockType_t
  unsigned value = 0;
  if (!call) return;
  if (call->maxClock(handle, kStreamingMultiprocessors, &value) == 0) device.sm_clock_mhz = value;
  if (call->maxClock(handle, kMemory, &value) == 0) device.memory_clock_mhz = value;
  if (call->powerLimit(handle, &value) == 0) device.power_cap_w = value / 1000;
}
