// The driver's functions by name, over a little state under one lock.
#include "FakeCuda.h"

#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <unistd.h>

namespace fake {
constexpr int kInvalidValue = 1, kNotInitialized = 3, kInvalidContext = 201, kInvalidHandle = 400, kNotFound = 500,
              kDestroyed = 709, kCaptureUnsupported = 900;
constexpr int kDevices = 2;
constexpr uintptr_t kMemory = uintptr_t(1) << 44, kMemoryBytes = uintptr_t(1) << 30;

struct Context {
  int device;
  unsigned long long id;
  bool is_alive;
};

struct Module {
  Context *context;
  unsigned long long context_id;
};

struct State {
  std::mutex mutex;
  FakeCounts counts = {};
  FakeLaunch last = {};
  Context primary[kDevices] = {{0, 1, false}, {1, 2, false}};
  int retained[kDevices] = {0, 0};
  std::set<Context *> created;
  std::set<Module *> modules;
  unsigned long long next_id = 3;
  bool is_capturing = false;
  pid_t process = 0;
};
State &state() {
  static State *s = new State; // outlives whatever runs at exit
  return *s;
}
thread_local Context *current = nullptr;

/// Notes calls from a child of the process that started the driver; real ones fail there, or worse.
bool isForked() {
  if (state().process == getpid()) return false;
  ++state().counts.calls_after_fork;
  return true;
}

bool breaksCapture() {
  if (!state().is_capturing) return false;
  ++state().counts.broken_captures;
  return true;
}

int cuInit(unsigned) {
  state().process = getpid();
  return 0;
}
int cuDriverGetVersion(int *version) { return *version = 13000, 0; }
int cuGetErrorName(int code, const char **text) {
  switch (code) {
  case kNotInitialized: return *text = "CUDA_ERROR_NOT_INITIALIZED", 0;
  case kInvalidContext: return *text = "CUDA_ERROR_INVALID_CONTEXT", 0;
  case kDestroyed: return *text = "CUDA_ERROR_CONTEXT_IS_DESTROYED", 0;
  case kCaptureUnsupported: return *text = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", 0;
  default: return *text = "CUDA_ERROR_OF_THE_TEST", 0;
  }
}
int cuGetErrorString(int, const char **text) { return *text = "made up", 0; }
int cuDeviceGetCount(int *count) { return *count = kDevices, isForked() ? kNotInitialized : 0; }
int cuDeviceGet(int *device, int ordinal) { return *device = ordinal, isForked() ? kNotInitialized : 0; }
int cuDeviceGetName(char *text, int, int device) {
  return std::strcpy(text, device ? "Fake GPU one" : "Fake GPU zero"), 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int) {
  return *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 97 ? 232448 : 132, 0;
}
int cuDeviceTotalMem(size_t *bytes, int) { return *bytes = size_t(1) << 37, 0; }

int cuDevicePrimaryCtxRetain(Context **context, int device) {
  std::lock_guard<std::mutex> lock(state().mutex);
  if (isForked()) return kNotInitialized;
  state().retained[device]++;
  state().primary[device].is_alive = true;
  ++state().counts.contexts;
  return *context = &state().primary[device], 0;
}
int cuDevicePrimaryCtxRelease(int device) {
  std::lock_guard<std::mutex> lock(state().mutex);
  if (isForked()) return kNotInitialized;
  --state().counts.contexts;
  if (--state().retained[device] == 0) {
    state().primary[device].is_alive = false;
    state().primary[device].id = state().next_id++;
  }
  return 0;
}

int codeOf(Context *context) {
  if (isForked()) return kNotInitialized;
  for (Context &primary : state().primary)
    if (context == &primary) return primary.is_alive ? 0 : kDestroyed;
  auto known = state().created.find(context);
  return known == state().created.end() ? kInvalidContext : (*known)->is_alive ? 0 : kDestroyed;
}
int cuCtxGetId(Context *context, unsigned long long *id) {
  std::lock_guard<std::mutex> lock(state().mutex);
  const int code = codeOf(context);
  if (code == 0) *id = context->id;
  return code;
}
int cuCtxGetDevice(int *device) { return current ? *device = current->device, 0 : kInvalidContext; }
int cuCtxGetCurrent(Context **context) { return *context = current, 0; }
int cuCtxPushCurrent(Context *context) {
  std::lock_guard<std::mutex> lock(state().mutex);
  if (const int code = codeOf(context)) return code;
  if (current) ++state().counts.misuses; // the fake keeps no stack: nobody here has a reason for one
  return current = context, 0;
}
int cuCtxPopCurrent(Context **context) { return *context = current, current = nullptr, 0; }

int cuModuleLoadData(Module **module, const void *image) {
  std::lock_guard<std::mutex> lock(state().mutex);
  if (isForked()) return kNotInitialized;
  if (!current || !image) return kInvalidContext;
  if (breaksCapture()) return kCaptureUnsupported;
  ++state().counts.modules;
  *module = new Module{current, current->id};
  state().modules.insert(*module);
  return 0;
}
int cuModuleUnload(Module *module) {
  std::lock_guard<std::mutex> lock(state().mutex);
  if (isForked()) return kNotInitialized;
  if (!state().modules.count(module) || module->context_id != module->context->id) ++state().counts.misuses;
  state().modules.erase(module);
  delete module;
  return --state().counts.modules, 0;
}
int cuModuleGetFunction(void **function, Module *module, const char *) { return *function = module, 0; }
int cuFuncSetAttribute(void *, int, int) { return 0; }
int cuLaunchKernel(Module *function, unsigned x, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                   void *stream, void **parameters, void **) {
  std::lock_guard<std::mutex> lock(state().mutex);
  if (isForked()) return kNotInitialized;
  if (!state().modules.count(function) || function->context_id != function->context->id) {
    ++state().counts.misuses; // a real driver may crash
    return kInvalidHandle;
  }
  if (current != function->context) return kInvalidContext;
  ++state().counts.launches;
  state().last.context = current, state().last.stream = stream, state().last.blocks = x;
  std::memcpy(state().last.parameter, parameters[0], 256); // kernels of the tests take no more
  return 0;
}

int cuPointerGetAttributes(unsigned, int *, void **values, unsigned long long pointer) {
  std::lock_guard<std::mutex> lock(state().mutex);
  ++state().counts.pointers_asked;
  const uintptr_t device = (pointer - kMemory) / kMemoryBytes;
  if (pointer < kMemory || device >= kDevices) return kInvalidValue;
  *static_cast<unsigned *>(values[0]) = 2;
  *static_cast<int *>(values[1]) = int(device);
  return 0;
}
int cuMemAlloc(unsigned long long *address, size_t) {
  std::lock_guard<std::mutex> lock(state().mutex);
  ++state().counts.allocations;
  if (!current) return kInvalidContext;
  if (breaksCapture()) return kCaptureUnsupported;
  return *address = kMemory + kMemoryBytes * uintptr_t(current->device), 0;
}
int cuMemFree(unsigned long long) { return 0; }
int cuTensorMapEncodeTiled(void *, int, uint32_t, void *, const uint64_t *, const uint64_t *, const uint32_t *,
                           const uint32_t *, int, int, int, int) {
  return current ? 0 : kInvalidContext;
}
int cuTensorMapReplaceAddress(void *, void *) { return current ? 0 : kInvalidContext; }

/// What the runtime binds and these tests never call.
int unexpected() {
  std::lock_guard<std::mutex> lock(state().mutex);
  return ++state().counts.misuses, kInvalidValue;
}

#define FUNCTION(name) {#name, reinterpret_cast<void *>(name)}
const std::map<std::string, void *> &functions() {
  static const auto *table = new std::map<std::string, void *>{FUNCTION(cuInit),
                                                               FUNCTION(cuDriverGetVersion),
                                                               FUNCTION(cuGetErrorName),
                                                               FUNCTION(cuGetErrorString),
                                                               FUNCTION(cuDeviceGetCount),
                                                               FUNCTION(cuDeviceGet),
                                                               FUNCTION(cuDeviceGetName),
                                                               FUNCTION(cuDeviceGetAttribute),
                                                               FUNCTION(cuDeviceTotalMem),
                                                               FUNCTION(cuDevicePrimaryCtxRetain),
                                                               FUNCTION(cuDevicePrimaryCtxRelease),
                                                               FUNCTION(cuCtxGetId),
                                                               FUNCTION(cuCtxGetDevice),
                                                               FUNCTION(cuCtxGetCurrent),
                                                               FUNCTION(cuCtxPushCurrent),
                                                               FUNCTION(cuCtxPopCurrent),
                                                               FUNCTION(cuModuleLoadData),
                                                               FUNCTION(cuModuleUnload),
                                                               FUNCTION(cuModuleGetFunction),
                                                               FUNCTION(cuFuncSetAttribute),
                                                               FUNCTION(cuLaunchKernel),
                                                               FUNCTION(cuPointerGetAttributes),
                                                               FUNCTION(cuMemAlloc),
                                                               FUNCTION(cuMemFree),
                                                               FUNCTION(cuTensorMapEncodeTiled),
                                                               FUNCTION(cuTensorMapReplaceAddress)};
  return *table;
}
#undef FUNCTION
} // namespace fake
using namespace fake;

extern "C" __attribute__((visibility("default"))) int cuGetProcAddress_v2(const char *symbol, void **function, int,
                                                                          uint64_t, int *) {
  auto found = functions().find(symbol);
  *function = found != functions().end() ? found->second : reinterpret_cast<void *>(unexpected);
  return 0;
}

// What applications of the driver look up by name.
#define EXPORTED extern "C" __attribute__((visibility("default"))) int
EXPORTED cuInit(unsigned flags) { return fake::cuInit(flags); }
EXPORTED cuDevicePrimaryCtxRetain(void **context, int device) {
  return fake::cuDevicePrimaryCtxRetain(reinterpret_cast<Context **>(context), device);
}
EXPORTED cuCtxSetCurrent(void *context) { return current = static_cast<Context *>(context), 0; }
EXPORTED cuCtxSynchronize() { return 0; }
EXPORTED cuMemAlloc_v2(unsigned long long *address, size_t bytes) { return fake::cuMemAlloc(address, bytes); }
EXPORTED cuGetExportTable(const void **, const void *) { return kNotFound; }     // NVRTC asks where there is a cuInit
EXPORTED cuMemcpyHtoD_v2(unsigned long long, const void *, size_t) { return 0; } // there is nothing behind addresses
EXPORTED cuMemcpyDtoH_v2(void *to, unsigned long long, size_t bytes) { return std::memset(to, 0, bytes), 0; }
#undef EXPORTED

FakeCounts fake_counts(void) {
  std::lock_guard<std::mutex> lock(state().mutex);
  return state().counts;
}

FakeLaunch fake_last_launch(void) {
  std::lock_guard<std::mutex> lock(state().mutex);
  return state().last;
}

void *fake_memory(int device) { return reinterpret_cast<void *>(kMemory + kMemoryBytes * uintptr_t(device)); }

void *fake_context_create(int device) {
  std::lock_guard<std::mutex> lock(state().mutex);
  return *state().created.insert(new Context{device, state().next_id++, true}).first;
}

void fake_context_destroy(void *context) {
  std::lock_guard<std::mutex> lock(state().mutex);
  auto *c = static_cast<Context *>(context);
  c->is_alive = false;
  c->id = state().next_id++;
}

void fake_primary_reset(int device) {
  std::lock_guard<std::mutex> lock(state().mutex);
  state().primary[device].id = state().next_id++;
}

void fake_capture(int on) { state().is_capturing = on; }
