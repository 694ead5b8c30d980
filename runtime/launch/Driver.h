// The CUDA driver, found and opened at run time; a program without it starts and says so when asked for a GPU.
#ifndef JVPGEN_RUNTIME_LAUNCH_DRIVER_H
#define JVPGEN_RUNTIME_LAUNCH_DRIVER_H

#include "support/Result.h"
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace jvpgen {

/// The driver's functions under their own names without "cu", and its types as the C interface defines them.
struct Driver {
  using Device = int;
  using Context = struct ContextTag *;
  using Module = struct ModuleTag *;
  using Function = struct FunctionTag *;
  using Stream = struct StreamTag *;
  using Event = struct EventTag *;
  using Graph = struct GraphTag *;
  using GraphExec = struct GraphExecTag *;
  using Address = unsigned long long;
  using Unsigned = unsigned int;

  int (*Init)(Unsigned flags);
  int (*DriverGetVersion)(int *version);
  int (*GetErrorName)(int code, const char **text);
  int (*GetErrorString)(int code, const char **text);
  int (*DeviceGetCount)(int *count);
  int (*DeviceGet)(Device *device, int ordinal);
  int (*DeviceGetName)(char *text, int bytes, Device device);
  int (*DeviceGetAttribute)(int *value, int attribute, Device device);
  int (*DeviceTotalMem)(size_t *bytes, Device device);
  int (*DevicePrimaryCtxRetain)(Context *context, Device device);
  int (*DevicePrimaryCtxRelease)(Device device);
  int (*CtxGetId)(Context context, unsigned long long *id);
  int (*CtxGetDevice)(Device *device);
  int (*CtxGetCurrent)(Context *context);
  int (*CtxPushCurrent)(Context context);
  int (*CtxPopCurrent)(Context *context);
  int (*ModuleLoadData)(Module *module, const void *image);
  int (*ModuleUnload)(Module module);
  int (*ModuleGetFunction)(Function *function, Module module, const char *name);
  int (*FuncSetAttribute)(Function function, int attribute, int value);
  int (*LaunchKernel)(Function function, Unsigned gridX, Unsigned gridY, Unsigned gridZ, Unsigned blockX,
                      Unsigned blockY, Unsigned blockZ, Unsigned sharedBytes, Stream stream, void **parameters,
                      void **extra);
  int (*TensorMapEncodeTiled)(void *map, int type, uint32_t rank, void *data, const uint64_t *extents,
                              const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave,
                              int swizzle, int promotion, int outside);
  int (*TensorMapReplaceAddress)(void *map, void *data);
  int (*PointerGetAttributes)(Unsigned count, int *attributes, void **values, Address pointer);
  int (*MemAlloc)(Address *address, size_t bytes);
  int (*MemFree)(Address address);
  int (*MemcpyHtoDAsync)(Address to, const void *from, size_t bytes, Stream stream);
  int (*MemcpyDtoHAsync)(void *to, Address from, size_t bytes, Stream stream);
  int (*MemsetD8Async)(Address to, unsigned char value, size_t bytes, Stream stream);
  int (*StreamCreate)(Stream *stream, Unsigned flags);
  int (*StreamDestroy)(Stream stream);
  int (*StreamSynchronize)(Stream stream);
  int (*StreamBeginCapture)(Stream stream, int mode);
  int (*StreamEndCapture)(Stream stream, Graph *graph);
  int (*GraphInstantiateWithFlags)(GraphExec *ready, Graph graph, unsigned long long flags);
  int (*GraphLaunch)(GraphExec ready, Stream stream);
  int (*GraphExecDestroy)(GraphExec ready);
  int (*GraphDestroy)(Graph graph);
  int (*EventCreate)(Event *event, Unsigned flags);
  int (*EventRecord)(Event event, Stream stream);
  int (*EventSynchronize)(Event event);
  int (*EventElapsedTime)(float *milliseconds, Event begin, Event end);
  int (*EventDestroy)(Event event);

  /// Opened and initialised at the first call; the same answer from then on.
  static const Result<Driver> &ofProcess();

  /// Nothing for code 0; else what was asked, the driver's words, and a remedy.
  Result<void> check(int code, const std::string &asked) const;

  /// "13.0": the newest CUDA release that the driver serves.
  std::string version() const;
};

} // namespace jvpgen

#endif
