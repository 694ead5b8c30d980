// Memory, copies and programs of one GPU, on one stream.
#include "tests/gpu/DevicePlace.h"

#include "runtime/launch/CudaExecutable.h"

using namespace jvpgen;

Result<std::unique_ptr<DevicePlace>> DevicePlace::open() {
  Result<DevicePointer> gpu = Device::open();
  if (!gpu) return tl::unexpected(gpu.error());
  Result<Stream> stream = Stream::create(*gpu);
  if (!stream) return tl::unexpected(stream.error());
  return std::unique_ptr<DevicePlace>(new DevicePlace(*gpu, std::move(*stream)));
}

Result<std::unique_ptr<Executable>> DevicePlace::prepare(const KernelBundle &bundle, const KernelVariant &variant) {
  const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
  if (!compiler) return tl::unexpected(compiler.error());
  return jvpgen::prepare(bundle, variant, gpu, **compiler);
}

Result<std::shared_ptr<void>> DevicePlace::allocate(size_t bytes) {
  Result<DeviceBuffer> buffer = DeviceBuffer::allocate(gpu, bytes);
  if (!buffer) return tl::unexpected(buffer.error());
  auto kept = std::make_shared<DeviceBuffer>(std::move(*buffer));
  return std::shared_ptr<void>(kept, kept->data());
}

Result<void> DevicePlace::write(void *to, const void *from, size_t bytes) {
  Device::Scope scope(*gpu);
  int code = gpu->driver.MemcpyHtoDAsync(reinterpret_cast<Driver::Address>(to), from, bytes,
                                         static_cast<Driver::Stream>(stream()));
  return gpu->driver.check(code, "copying to the GPU").and_then([&] { return synchronize(); });
}

Result<void> DevicePlace::read(void *to, const void *from, size_t bytes) {
  Device::Scope scope(*gpu);
  int code = gpu->driver.MemcpyDtoHAsync(to, reinterpret_cast<Driver::Address>(from), bytes,
                                         static_cast<Driver::Stream>(stream()));
  return gpu->driver.check(code, "copying from the GPU").and_then([&] { return synchronize(); });
}
