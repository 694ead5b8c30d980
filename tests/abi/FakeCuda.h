// A libcuda.so.1 of the tests' own: two GPUs that compute nothing, with contexts, memory, streams and captures whose
// misuse it notices. A program that links it gives it to everything in the process that opens the driver.
#ifndef JVPGEN_TESTS_ABI_FAKECUDA_H
#define JVPGEN_TESTS_ABI_FAKECUDA_H

#include <cstddef>
#include <cstdint>

/// What one kernel was launched with.
struct FakeLaunch {
  void *context, *stream;
  unsigned blocks;
  unsigned char parameter[4096];
};

/// What has happened so far. Counters of calls that a launch must not make are beside those that it may.
struct FakeCounts {
  int modules, contexts, launches, allocations, pointers_asked, calls_after_fork, misuses, broken_captures;
};

extern "C" {
__attribute__((visibility("default"))) FakeCounts fake_counts(void);
__attribute__((visibility("default"))) FakeLaunch fake_last_launch(void);
__attribute__((visibility("default"))) void *
fake_memory(int device); ///< 1 GiB of address space on a GPU; not to be read
__attribute__((visibility("default"))) void *fake_context_create(int device);
__attribute__((visibility("default"))) void fake_context_destroy(void *context);
__attribute__((visibility("default"))) void fake_primary_reset(int device);
/// Begins and ends what a stream capture is to the driver: calls that are not allowed in it break it.
__attribute__((visibility("default"))) void fake_capture(int on);
}

#endif
