// A GPU as a place for checks.
#ifndef JVPGEN_TESTS_GPU_DEVICEPLACE_H
#define JVPGEN_TESTS_GPU_DEVICEPLACE_H

#include "runtime/launch/Device.h"
#include "tests/gpu/Place.h"

namespace jvpgen {

class DevicePlace final : public Place {
public:
  static Result<std::unique_ptr<DevicePlace>> open();

  Target target() const override { return gpu->facts.target; }
  Result<std::unique_ptr<Executable>> prepare(const KernelBundle &bundle, const KernelVariant &variant) override;
  Result<std::shared_ptr<void>> allocate(size_t bytes) override;
  Result<void> write(void *to, const void *from, size_t bytes) override;
  Result<void> read(void *to, const void *from, size_t bytes) override;
  void *stream() const override { return queue.handle(); }
  Result<void> synchronize() override { return queue.synchronize(); }

  const DevicePointer gpu;

private:
  DevicePlace(DevicePointer gpu, Stream queue) : gpu(std::move(gpu)), queue(std::move(queue)) {}
  Stream queue;
};

} // namespace jvpgen

#endif
