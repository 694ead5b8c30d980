// One GPU: what it is, its context, and the memory, streams and events that a program needs to use it.
#ifndef JVPGEN_RUNTIME_LAUNCH_DEVICE_H
#define JVPGEN_RUNTIME_LAUNCH_DEVICE_H

#include "runtime/abi/Target.h"
#include "runtime/launch/Driver.h"
#include "runtime/launch/SeenPages.h"
#include "support/Result.h"
#include <memory>
#include <string>
#include <vector>

namespace jvpgen {

struct DeviceFacts {
  int ordinal = 0;
  std::string name;
  int compute_capability = 0; ///< 90 for 9.0
  size_t memory_bytes = 0;
  Target target;
};

/// All GPUs that the driver shows; an empty list where it shows none.
Result<std::vector<DeviceFacts>> listDevices(const Driver &driver);

/// A GPU with a context of it.
class Device {
public:
  /// With its primary context, the one that frameworks in the same process use too; retained as long as this lives.
  static Result<std::shared_ptr<const Device>> open(const Driver &driver, int ordinal = 0);
  static Result<std::shared_ptr<const Device>> open(int ordinal = 0); ///< by the process's driver
  /// With a context that the caller keeps alive.
  static Result<std::shared_ptr<const Device>> ofContext(const Driver &driver, void *context);
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  const Driver &driver;
  const DeviceFacts facts;

  /// Whether an address is memory of this GPU. The driver is asked about a page once: see
  /// docs/decisions/launch-path.md. The context is current.
  bool owns(const void *address) const;

  /// Whether the context is still the one that was opened: not destroyed or reset since, and not another process's that
  /// this one was forked from. What it held is gone with it.
  Result<void> alive() const;

  /// Makes the context current for the calling thread until the end of the scope, if it is not already.
  class Scope {
  public:
    explicit Scope(const Device &device) : driver(device.driver) {
      Driver::Context current = nullptr;
      if (driver.CtxGetCurrent(&current) != 0 || current != device.context)
        is_pushed = driver.CtxPushCurrent(device.context) == 0;
    }
    ~Scope() {
      Driver::Context popped;
      if (is_pushed) driver.CtxPopCurrent(&popped);
    }
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;

  private:
    const Driver &driver;
    bool is_pushed = false;
  };

private:
  Device(const Driver &driver, DeviceFacts facts, Driver::Context context, bool is_primary);
  Driver::Context context;
  unsigned long long id = 0; ///< of the context; contexts that follow one another at an address differ in it
  bool is_primary;
  unsigned forks;
  mutable SeenPages seen;
};

using DevicePointer = std::shared_ptr<const Device>;

/// Work queued on one stream runs in order.
class Stream {
public:
  static Result<Stream> create(DevicePointer device);
  Result<void> synchronize() const;
  void *handle() const { return stream.get(); }

private:
  Stream(DevicePointer device, Driver::Stream stream);
  DevicePointer device;
  std::shared_ptr<StreamTag> stream;
};

/// Memory on the device, given back when the last copy of this handle goes.
class DeviceBuffer {
public:
  /// Zero bytes give an address too.
  static Result<DeviceBuffer> allocate(DevicePointer device, size_t bytes);

  void *data() const { return memory.get(); }
  size_t size() const { return bytes; }

  /// Queued on the stream; the host's bytes must stay until it is synchronised.
  Result<void> copyFrom(const void *host, size_t count, const Stream &stream) const;
  Result<void> copyTo(void *host, size_t count, const Stream &stream) const;
  Result<void> fill(unsigned char value, const Stream &stream) const;

private:
  DeviceBuffer(DevicePointer device, Driver::Address address, size_t bytes);
  Result<void> fits(size_t count) const;
  DevicePointer device;
  std::shared_ptr<void> memory;
  size_t bytes = 0;
};

/// A moment on a stream.
class Event {
public:
  static Result<Event> create(DevicePointer device);
  Result<void> record(const Stream &stream) const;

  /// Waits for both; what passed on the device between them.
  static Result<double> milliseconds(const Event &begin, const Event &end);

private:
  Event(DevicePointer device, Driver::Event event);
  DevicePointer device;
  std::shared_ptr<EventTag> event;
};

} // namespace jvpgen

#endif
