// What of a GPU's software this machine has, and the exact reason where something is missing.
#ifndef JVPGEN_RUNTIME_LAUNCH_DOCTOR_H
#define JVPGEN_RUNTIME_LAUNCH_DOCTOR_H

#include "runtime/jit/Environment.h"
#include "runtime/launch/Device.h"
#include <string>
#include <vector>

namespace jvpgen {

struct DoctorFacts {
  std::string driver_version; ///< newest CUDA release that the driver serves; empty without a driver
  std::string driver_problem; ///< why no GPU can be used; empty if one can
  std::vector<DeviceFacts> gpus;

  std::string nvrtc_library, nvrtc_builtins; ///< paths; empty if not found
  std::string nvrtc_version, nvrtc_build_ids;
  std::string nvrtc_problem; ///< why nothing can be compiled; empty if a small kernel was

  std::string cache_folder;  ///< empty if there is none
  std::string cache_problem; ///< why it is not used, or not as asked; empty if it is
  size_t cache_entries = 0, cache_bytes = 0, cache_limit = 0;

  std::string cublas_library; ///< empty if not found: no ceiling on a GPU
};

/// Looks, loads and tries; compiles one small kernel without the cache.
DoctorFacts examine(const Environment &environment);

} // namespace jvpgen

#endif
