#include "tools/jvpgen/DeviceTensors.h"

using namespace jvpgen;

Result<DeviceTensors> DeviceTensors::upload(const AttentionSpec &spec, TensorSet &inputs, TensorSet &outputs,
                                            const DevicePointer &gpu, const Stream &stream) {
  DeviceTensors out;
  for (TensorSet *set : {&inputs, &outputs})
    for (auto &[name, tensor] : *set) {
      Result<DeviceBuffer> buffer = DeviceBuffer::allocate(gpu, tensor.bytes.size());
      if (!buffer) return tl::unexpected<Error>(buffer.error());
      if (Result<void> done = buffer->copyFrom(tensor.bytes.data(), tensor.bytes.size(), stream); !done)
        return tl::unexpected<Error>(done.error());
      out.views[name] = viewOf(spec, tensor, buffer->data());
      out.buffers.emplace(name, std::move(*buffer));
    }
  return out;
}

Result<void> DeviceTensors::download(TensorSet &outputs, const Stream &stream) const {
  for (auto &[name, tensor] : outputs)
    if (Result<void> done = buffers.at(name).copyTo(tensor.bytes.data(), tensor.bytes.size(), stream); !done)
      return done;
  return stream.synchronize();
}
