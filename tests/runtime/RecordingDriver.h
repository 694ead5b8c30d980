// A driver of the tests' own with one GPU of compute capability 9.0: it computes nothing and notes what it is asked.
#ifndef JVPGEN_TESTS_RUNTIME_RECORDINGDRIVER_H
#define JVPGEN_TESTS_RUNTIME_RECORDINGDRIVER_H

#include "runtime/launch/Driver.h"
#include "runtime/launch/LaunchArguments.h"
#include <cstddef>
#include <vector>

namespace jvpgen {

/// What the driver saw since it was made.
struct Record {
  struct Grid {
    unsigned blocks, threads, shared_bytes;
    void *stream;
    KernelParameter parameter;
  };
  bool keeps_launches = true; ///< otherwise they are counted only
  std::vector<Grid> launches;
  std::vector<int> shared_limits;
  int contexts = 0, modules = 0, allocations = 0, pushed = 0;
  int launch_count = 0, pointers_asked = 0, maps_encoded = 0, maps_replaced = 0;
  int memory_ordinal = 0;         ///< the GPU that every address belongs to
  unsigned long long foreign = 0; ///< an address of another GPU
  unsigned long long context_id = 7;
  int context_code = 0;              ///< what CtxGetId answers
  Driver::Context current = nullptr; ///< of the calling thread
};
extern Record record;

/// Starts a new record.
Driver recordingDriver();

/// How the driver's maps look: the address first, then what was encoded with it.
struct RecordedMap {
  void *data;
  uint64_t extent[4], stride_bytes[3];
};

} // namespace jvpgen

#endif
