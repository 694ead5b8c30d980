// Thin owners around the driver's handles.
#include "runtime/launch/Device.h"

#include "runtime/launch/Forks.h"
#include <algorithm>

using namespace jvpgen;

/// Numbers of CUdevice_attribute.
static constexpr int kMultiprocessors = 16, kMajor = 75, kMinor = 76, kSharedPerBlockOptIn = 97;

/// From compute capability 9.0 on each has machine code of its own, named with an "a".
static std::string archName(int major, int minor) {
  return "sm_" + std::to_string(10 * major + minor) + (major >= 9 ? "a" : "");
}

static Result<DeviceFacts> factsOf(const Driver &driver, int ordinal) {
  DeviceFacts facts;
  facts.ordinal = ordinal;
  Driver::Device device = 0;
  char name[256] = {};
  int major = 0, minor = 0;
  int codes[] = {driver.DeviceGet(&device, ordinal),
                 driver.DeviceGetName(name, sizeof name - 1, device),
                 driver.DeviceGetAttribute(&major, kMajor, device),
                 driver.DeviceGetAttribute(&minor, kMinor, device),
                 driver.DeviceGetAttribute(&facts.target.multiprocessors, kMultiprocessors, device),
                 driver.DeviceGetAttribute(&facts.target.shared_bytes_per_block, kSharedPerBlockOptIn, device),
                 driver.DeviceTotalMem(&facts.memory_bytes, device)};
  for (int code : codes)
    if (Result<void> ok = driver.check(code, "asking for the properties of GPU " + std::to_string(ordinal)); !ok)
      return tl::unexpected(ok.error());
  facts.name = name;
  facts.compute_capability = 10 * major + minor;
  facts.target.arch = archName(major, minor);
  return facts;
}

Result<std::vector<DeviceFacts>> jvpgen::listDevices(const Driver &driver) {
  int count = 0;
  if (Result<void> ok = driver.check(driver.DeviceGetCount(&count), "counting the GPUs"); !ok)
    return tl::unexpected(ok.error());
  std::vector<DeviceFacts> out;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    Result<DeviceFacts> facts = factsOf(driver, ordinal);
    if (!facts) return tl::unexpected(facts.error());
    out.push_back(std::move(*facts));
  }
  return out;
}

Result<DevicePointer> Device::open(const Driver &driver, int ordinal) {
  int count = 0;
  if (Result<void> ok = driver.check(driver.DeviceGetCount(&count), "counting the GPUs"); !ok)
    return tl::unexpected(ok.error());
  if (ordinal < 0 || ordinal >= count)
    return fail(ErrorKind::Environment, "GPU " + std::to_string(ordinal) + " was asked for, and this process sees " +
                                            std::to_string(count) + "; name another, or use the CPU");
  Result<DeviceFacts> facts = factsOf(driver, ordinal);
  if (!facts) return tl::unexpected(facts.error());
  Driver::Device device = 0;
  driver.DeviceGet(&device, ordinal);
  Driver::Context context = nullptr;
  Result<void> ok = driver.check(driver.DevicePrimaryCtxRetain(&context, device), "opening " + facts->name);
  if (!ok) return tl::unexpected(ok.error());
  return DevicePointer(new Device(driver, std::move(*facts), context, /*is_primary=*/true));
}

Result<DevicePointer> Device::ofContext(const Driver &driver, void *given) {
  const auto context = static_cast<Driver::Context>(given);
  const std::string asked = "using a CUDA context of the caller's";
  if (!context)
    return fail(ErrorKind::Invalid, asked + " needs one, and it is null; give a CUcontext, or a GPU's number");
  Driver::Device device = 0;
  Result<void> ok = driver.check(driver.CtxPushCurrent(context), asked);
  if (!ok) return tl::unexpected(ok.error());
  const int code = driver.CtxGetDevice(&device);
  Driver::Context popped = nullptr;
  driver.CtxPopCurrent(&popped);
  if (ok = driver.check(code, asked); !ok) return tl::unexpected(ok.error());
  Result<DeviceFacts> facts = factsOf(driver, device); // a CUdevice is its own ordinal
  if (!facts) return tl::unexpected(facts.error());
  return DevicePointer(new Device(driver, std::move(*facts), context, /*is_primary=*/false));
}

Device::Device(const Driver &driver, DeviceFacts facts, Driver::Context context, bool is_primary)
    : driver(driver), facts(std::move(facts)), context(context), is_primary(is_primary), forks(forksSoFar()) {
  driver.CtxGetId(context, &id);
}

Result<void> Device::alive() const {
  auto asked = [&] { return "using " + facts.name + ", GPU " + std::to_string(facts.ordinal); };
  if (forks != forksSoFar())
    return fail(ErrorKind::Environment, asked() +
                                            ": it was opened before this process was forked, and CUDA does not work "
                                            "on both sides of a fork; fork before the GPU is first used");
  unsigned long long now = 0;
  if (driver.CtxGetId(context, &now) == 0 && now == id) return {};
  return fail(ErrorKind::Environment, asked() +
                                          ": its context was destroyed or reset since it was opened, and the kernels "
                                          "that were loaded went with it; open it again and prepare again");
}

Result<DevicePointer> Device::open(int ordinal) {
  const Result<Driver> &driver = Driver::ofProcess();
  if (!driver) return tl::unexpected(driver.error());
  return open(*driver, ordinal);
}

Device::~Device() {
  if (!is_primary || forks != forksSoFar()) return;
  Driver::Device device = 0;
  if (driver.DeviceGet(&device, facts.ordinal) == 0) driver.DevicePrimaryCtxRelease(device);
}

bool Device::owns(const void *address) const {
  if (seen.has(address)) return true;
  constexpr int kMemoryType = 2, kDeviceOrdinal = 9; // CU_POINTER_ATTRIBUTE_...
  constexpr unsigned kDeviceMemory = 2;              // CU_MEMORYTYPE_DEVICE
  int attributes[] = {kMemoryType, kDeviceOrdinal};
  unsigned type = 0;
  int ordinal = -1;
  void *values[] = {&type, &ordinal};
  const int code = driver.PointerGetAttributes(2, attributes, values, reinterpret_cast<Driver::Address>(address));
  if (code != 0 || type != kDeviceMemory || ordinal != facts.ordinal) return false;
  seen.add(address);
  return true;
}

// ---- streams
// -----------------------------------------------------------------------------------------------------------

Stream::Stream(DevicePointer owner, Driver::Stream handle)
    : device(owner), stream(handle, [owner](Driver::Stream s) {
        Device::Scope scope(*owner);
        owner->driver.StreamDestroy(s);
      }) {}

Result<Stream> Stream::create(DevicePointer device) {
  constexpr unsigned kNonBlocking = 1;
  Device::Scope scope(*device);
  Driver::Stream handle = nullptr;
  Result<void> ok = device->driver.check(device->driver.StreamCreate(&handle, kNonBlocking), "making a stream");
  if (!ok) return tl::unexpected(ok.error());
  return Stream(std::move(device), handle);
}

Result<void> Stream::synchronize() const {
  Device::Scope scope(*device);
  return device->driver.check(device->driver.StreamSynchronize(stream.get()), "waiting for the GPU's work");
}

// ---- memory
// ------------------------------------------------------------------------------------------------------------

DeviceBuffer::DeviceBuffer(DevicePointer owner, Driver::Address address, size_t bytes)
    : device(owner), memory(reinterpret_cast<void *>(address),
                            [owner](void *pointer) {
                              Device::Scope scope(*owner);
                              owner->driver.MemFree(reinterpret_cast<Driver::Address>(pointer));
                            }),
      bytes(bytes) {}

Result<DeviceBuffer> DeviceBuffer::allocate(DevicePointer device, size_t bytes) {
  Device::Scope scope(*device);
  Driver::Address address = 0;
  Result<void> ok = device->driver.check(device->driver.MemAlloc(&address, std::max<size_t>(bytes, 1)),
                                         "allocating " + std::to_string(bytes) + " bytes on " + device->facts.name);
  if (!ok) return tl::unexpected(ok.error());
  return DeviceBuffer(std::move(device), address, bytes);
}

Result<void> DeviceBuffer::fits(size_t count) const {
  if (count <= bytes) return {};
  return fail(ErrorKind::Invalid, "copying " + std::to_string(count) + " bytes needs more than the " +
                                      std::to_string(bytes) + " bytes of the device buffer; allocate a larger one");
}

Result<void> DeviceBuffer::copyFrom(const void *host, size_t count, const Stream &stream) const {
  if (Result<void> ok = fits(count); !ok || count == 0) return ok;
  Device::Scope scope(*device);
  auto to = reinterpret_cast<Driver::Address>(memory.get());
  auto queue = static_cast<Driver::Stream>(stream.handle());
  return device->driver.check(device->driver.MemcpyHtoDAsync(to, host, count, queue), "copying to the GPU");
}

Result<void> DeviceBuffer::copyTo(void *host, size_t count, const Stream &stream) const {
  if (Result<void> ok = fits(count); !ok || count == 0) return ok;
  Device::Scope scope(*device);
  auto from = reinterpret_cast<Driver::Address>(memory.get());
  auto queue = static_cast<Driver::Stream>(stream.handle());
  return device->driver.check(device->driver.MemcpyDtoHAsync(host, from, count, queue), "copying from the GPU");
}

Result<void> DeviceBuffer::fill(unsigned char value, const Stream &stream) const {
  if (bytes == 0) return {};
  Device::Scope scope(*device);
  auto to = reinterpret_cast<Driver::Address>(memory.get());
  auto queue = static_cast<Driver::Stream>(stream.handle());
  return device->driver.check(device->driver.MemsetD8Async(to, value, bytes, queue), "filling memory of the GPU");
}

// ---- events
// ------------------------------------------------------------------------------------------------------------

Event::Event(DevicePointer owner, Driver::Event handle)
    : device(owner), event(handle, [owner](Driver::Event e) {
        Device::Scope scope(*owner);
        owner->driver.EventDestroy(e);
      }) {}

Result<Event> Event::create(DevicePointer device) {
  Device::Scope scope(*device);
  Driver::Event handle = nullptr;
  if (Result<void> ok = device->driver.check(device->driver.EventCreate(&handle, 0), "making an event"); !ok)
    return tl::unexpected(ok.error());
  return Event(std::move(device), handle);
}

Result<void> Event::record(const Stream &stream) const {
  Device::Scope scope(*device);
  return device->driver.check(device->driver.EventRecord(event.get(), static_cast<Driver::Stream>(stream.handle())),
                              "recording an event");
}

Result<double> Event::milliseconds(const Event &begin, const Event &end) {
  Device::Scope scope(*end.device);
  const Driver &driver = end.device->driver;
  float elapsed = 0;
  Result<void> ok = driver.check(driver.EventSynchronize(end.event.get()), "waiting for the GPU's work").and_then([&] {
    return driver.check(driver.EventElapsedTime(&elapsed, begin.event.get(), end.event.get()),
                        "reading the GPU's clock");
  });
  if (!ok) return tl::unexpected(ok.error());
  return double(elapsed);
}
