// Tensors of one call on a GPU: copied there, and back again.
#ifndef JVPGEN_TOOLS_JVPGEN_DEVICETENSORS_H
#define JVPGEN_TOOLS_JVPGEN_DEVICETENSORS_H

#include "runtime/launch/Device.h"
#include "tools/tensors/Interface.h"
#include <vector>

namespace jvpgen {

class DeviceTensors {
public:
  /// Queues the copies; the host's tensors must stay until the stream is synchronised.
  static Result<DeviceTensors> upload(const AttentionSpec &spec, TensorSet &inputs, TensorSet &outputs,
                                      const DevicePointer &gpu, const Stream &stream);

  /// Copies the outputs back, and waits for it.
  Result<void> download(TensorSet &outputs, const Stream &stream) const;

  TensorMap views;

private:
  std::map<std::string, DeviceBuffer, std::less<>> buffers;
};

} // namespace jvpgen

#endif
