// GPUs and contexts.
#include "runtime/c/Handles.h"
#include "runtime/c/SizedStruct.h"
#include "runtime/c/Status.h"

using namespace jvpgen;

jvpgen_status jvpgen_device_count(int32_t *count) {
  return guarded([&] {
    if (!count) return reportNull("jvpgen_device_count", "count");
    *count = 0;
    const Result<Driver> &driver = Driver::ofProcess();
    if (!driver) return report(driver.error());
    int found = 0;
    if (Result<void> ok = driver->check(driver->DeviceGetCount(&found), "counting the GPUs"); !ok)
      return report(ok.error());
    *count = found;
    return jvpgen_status(JVPGEN_OK);
  });
}

static jvpgen_status give(Result<DevicePointer> opened, jvpgen_device **device) {
  if (!opened) return report(opened.error());
  *device = new jvpgen_device{std::move(*opened)};
  return JVPGEN_OK;
}

jvpgen_status jvpgen_device_open(int32_t ordinal, jvpgen_device **device) {
  return guarded([&] {
    if (!device) return reportNull("jvpgen_device_open", "device");
    *device = nullptr;
    return give(Device::open(ordinal), device);
  });
}

jvpgen_status jvpgen_device_of_context(void *context, jvpgen_device **device) {
  return guarded([&] {
    if (!device) return reportNull("jvpgen_device_of_context", "device");
    *device = nullptr;
    const Result<Driver> &driver = Driver::ofProcess();
    if (!driver) return report(driver.error());
    return give(Device::ofContext(*driver, context), device);
  });
}

void jvpgen_device_release(jvpgen_device *device) { delete device; }

jvpgen_status jvpgen_device_describe(const jvpgen_device *device, jvpgen_device_info *info) {
  return guarded([&] {
    if (!device) return reportNull("jvpgen_device_describe", "device");
    const DeviceFacts &facts = device->device->facts;
    jvpgen_device_info out = {};
    out.name = facts.name.c_str();
    out.arch = facts.target.arch.c_str();
    out.ordinal = facts.ordinal;
    out.multiprocessors = facts.target.multiprocessors;
    out.memory_bytes = facts.memory_bytes;
    Result<void> ok = writeSized(out, info, "jvpgen_device_info");
    return ok ? jvpgen_status(JVPGEN_OK) : report(ok.error());
  });
}
