// Work on a stream that was recorded as a CUDA graph, to be replayed without the host's part in it.
#ifndef JVPGEN_RUNTIME_LAUNCH_LAUNCHGRAPH_H
#define JVPGEN_RUNTIME_LAUNCH_LAUNCHGRAPH_H

#include "runtime/launch/Device.h"
#include "support/Result.h"
#include <functional>
#include <memory>

namespace jvpgen {

class LaunchGraph {
public:
  /// Records what `work` queues on the stream; nothing of it runs. `what` is for messages: "a candidate's launches".
  static Result<LaunchGraph> record(DevicePointer device, const Stream &stream, const std::string &what,
                                    const std::function<Result<void>()> &work);

  /// Queues it, as often as wanted.
  Result<void> replay(const Stream &stream) const;

private:
  LaunchGraph(DevicePointer device, std::string what, Driver::GraphExec ready);
  DevicePointer device;
  std::string what;
  std::shared_ptr<GraphExecTag> ready;
};

} // namespace jvpgen

#endif
