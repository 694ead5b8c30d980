// Capture of a stream, thread by thread: what other threads do meanwhile neither enters nor disturbs it.
#include "runtime/launch/LaunchGraph.h"

using namespace jvpgen;

LaunchGraph::LaunchGraph(DevicePointer owner, std::string what, Driver::GraphExec handle)
    : device(owner), what(std::move(what)), ready(handle, [owner](Driver::GraphExec g) {
        Device::Scope scope(*owner);
        owner->driver.GraphExecDestroy(g);
      }) {}

Result<LaunchGraph> LaunchGraph::record(DevicePointer device, const Stream &stream, const std::string &what,
                                        const std::function<Result<void>()> &work) {
  constexpr int kThreadLocal = 1; // CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
  const Driver &driver = device->driver;
  Device::Scope scope(*device);
  auto *handle = static_cast<Driver::Stream>(stream.handle());
  const std::string asked = "recording " + what + " as a graph";
  if (Result<void> ok = driver.check(driver.StreamBeginCapture(handle, kThreadLocal), asked); !ok)
    return tl::unexpected(ok.error());
  const Result<void> queued = work();
  Driver::Graph recorded = nullptr;
  Result<void> ended = driver.check(driver.StreamEndCapture(handle, &recorded), asked);
  Driver::GraphExec ready = nullptr;
  if (queued && ended) ended = driver.check(driver.GraphInstantiateWithFlags(&ready, recorded, 0), asked);
  if (recorded) driver.GraphDestroy(recorded);
  if (!queued || !ended) return tl::unexpected(queued ? ended.error() : queued.error());
  return LaunchGraph(std::move(device), what, ready);
}

Result<void> LaunchGraph::replay(const Stream &stream) const {
  Device::Scope scope(*device);
  const Driver &driver = device->driver;
  return driver.check(driver.GraphLaunch(ready.get(), static_cast<Driver::Stream>(stream.handle())),
                      "replaying the graph of " + what);
}
