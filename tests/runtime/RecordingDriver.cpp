// Every function that launching needs, as a lambda that writes into the record.
#include "RecordingDriver.h"

#include <algorithm>
#include <cstring>

using namespace jvpgen;

Record jvpgen::record;

static Driver::Context contextOf(int device) { return reinterpret_cast<Driver::Context>(uintptr_t(0x100 + device)); }

static void describeDevice(Driver &d) {
  d.GetErrorName = [](int, const char **text) { return *text = "CUDA_ERROR_TEST", 0; };
  d.GetErrorString = [](int, const char **text) { return *text = "made up", 0; };
  d.DeviceGetCount = [](int *count) { return *count = 1, 0; };
  d.DeviceGet = [](int *device, int ordinal) { return *device = ordinal, 0; };
  d.DeviceGetName = [](char *text, int, int) { return std::strcpy(text, "Test GPU"), 0; };
  d.DeviceGetAttribute = [](int *value, int attribute, int) {
    *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 97 ? 232448 : 132;
    return 0;
  };
  d.DeviceTotalMem = [](size_t *bytes, int) { return *bytes = size_t(1) << 37, 0; };
}

static void keepContexts(Driver &d) {
  d.DevicePrimaryCtxRetain = [](Driver::Context *context, int device) {
    return *context = contextOf(device), ++record.contexts, 0;
  };
  d.DevicePrimaryCtxRelease = [](int) { return --record.contexts, 0; };
  d.CtxGetId = [](Driver::Context, unsigned long long *id) { return *id = record.context_id, record.context_code; };
  d.CtxGetDevice = [](int *device) { return *device = int(reinterpret_cast<uintptr_t>(record.current) - 0x100), 0; };
  d.CtxGetCurrent = [](Driver::Context *context) { return *context = record.current, 0; };
  d.CtxPushCurrent = [](Driver::Context context) { return record.current = context, ++record.pushed, 0; };
  d.CtxPopCurrent = [](Driver::Context *context) {
    *context = std::exchange(record.current, nullptr);
    return 0;
  };
}

static void launchKernels(Driver &d) {
  d.ModuleLoadData = [](Driver::Module *, const void *) { return ++record.modules, 0; };
  d.ModuleUnload = [](Driver::Module) { return --record.modules, 0; };
  d.ModuleGetFunction = [](Driver::Function *, Driver::Module, const char *) { return 0; };
  d.FuncSetAttribute = [](Driver::Function, int, int value) { return record.shared_limits.push_back(value), 0; };
  d.LaunchKernel = [](Driver::Function, unsigned x, unsigned, unsigned, unsigned threads, unsigned, unsigned,
                      unsigned shared, Driver::Stream stream, void **parameters, void **) {
    ++record.launch_count;
    if (record.keeps_launches)
      record.launches.push_back({x, threads, shared, stream, *static_cast<KernelParameter *>(parameters[0])});
    return 0;
  };
}

static void describeMemory(Driver &d) {
  d.PointerGetAttributes = [](unsigned, int *, void **values, Driver::Address at) {
    ++record.pointers_asked;
    *static_cast<unsigned *>(values[0]) = 2;
    *static_cast<int *>(values[1]) = record.memory_ordinal + (at == record.foreign);
    return 0;
  };
  d.TensorMapEncodeTiled = [](void *map, int, uint32_t, void *data, const uint64_t *extents, const uint64_t *strides,
                              const uint32_t *, const uint32_t *, int, int, int, int) {
    if (!record.current) return 201; // CUDA_ERROR_INVALID_CONTEXT: as drivers answer
    RecordedMap recorded = {.data = data, .extent = {}, .stride_bytes = {}};
    std::copy_n(extents, 4, recorded.extent);
    std::copy_n(strides, 3, recorded.stride_bytes);
    std::memcpy(map, &recorded, sizeof recorded);
    return ++record.maps_encoded, 0;
  };
  d.TensorMapReplaceAddress = [](void *map, void *data) {
    std::memcpy(map, &data, sizeof data);
    return ++record.maps_replaced, 0;
  };
  d.MemAlloc = [](Driver::Address *, size_t) { return ++record.allocations, 2; };
}

Driver jvpgen::recordingDriver() {
  record = Record();
  Driver driver = {};
  describeDevice(driver);
  keepContexts(driver);
  launchKernels(driver);
  describeMemory(driver);
  return driver;
}
