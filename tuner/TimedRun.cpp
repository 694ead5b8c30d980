#include "tuner/TimedRun.h"

#include <algorithm>

using namespace jvpgen;
using namespace jvpgen::tuner;

Result<TimedRun> TimedRun::create(std::unique_ptr<Executable> executable, const Problem &problem,
                                  const TensorMap &tensors, DevicePointer device) {
  Result<DeviceBuffer> workspace = DeviceBuffer::allocate(device, executable->workspaceBytes(problem));
  if (!workspace) return tl::unexpected(workspace.error());
  Result<Event> begin = Event::create(device), end = Event::create(device);
  if (!begin || !end) return tl::unexpected(begin ? end.error() : begin.error());
  return TimedRun(std::move(executable), problem, tensors, std::move(device), std::move(*workspace), std::move(*begin),
                  std::move(*end));
}

Result<void> TimedRun::once(const Stream &stream) const {
  return executable->launch(problem, tensors, workspace.data(), stream.handle()).and_then([&] {
    return stream.synchronize();
  });
}

Result<void> TimedRun::capture(const Stream &stream) {
  constexpr int kThreadLocal = 1; // CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
  const Driver &driver = device->driver;
  Device::Scope scope(*device);
  auto *handle = static_cast<Driver::Stream>(stream.handle());
  const std::string asked = "recording a candidate's launches as a graph";
  if (Result<void> ok = driver.check(driver.StreamBeginCapture(handle, kThreadLocal), asked); !ok) return ok;
  const Result<void> launched = executable->launch(problem, tensors, workspace.data(), handle);
  Driver::Graph recorded = nullptr;
  Result<void> ended = driver.check(driver.StreamEndCapture(handle, &recorded), asked);
  Driver::GraphExec ready = nullptr;
  if (launched && ended) ended = driver.check(driver.GraphInstantiateWithFlags(&ready, recorded, 0), asked);
  if (recorded) driver.GraphDestroy(recorded);
  if (!launched) return launched;
  if (ended)
    graph = std::shared_ptr<GraphExecTag>(ready, [owner = device](Driver::GraphExec g) {
      Device::Scope scope(*owner);
      owner->driver.GraphExecDestroy(g);
    });
  return ended;
}

Result<double> TimedRun::time(const Stream &stream, int calls) const {
  const Driver &driver = device->driver;
  if (Result<void> ok = begin.record(stream); !ok) return tl::unexpected(ok.error());
  {
    Device::Scope scope(*device);
    for (int k = 0; k < calls; ++k)
      if (Result<void> ok = driver.check(driver.GraphLaunch(graph.get(), static_cast<Driver::Stream>(stream.handle())),
                                         "replaying a candidate's graph");
          !ok)
        return tl::unexpected(ok.error());
  }
  if (Result<void> ok = end.record(stream); !ok) return tl::unexpected(ok.error());
  Result<double> milliseconds = Event::milliseconds(begin, end);
  if (!milliseconds) return milliseconds;
  return 1000 * *milliseconds / calls;
}

/// A first replay pays for loading and cold caches; the second counts, and is repeated where it is too short to see.
Result<void> TimedRun::calibrate(const Stream &stream, double sample_us, double hopeless_us) {
  constexpr int kMost = 1000;
  constexpr double kShort = 100;
  if (!graph)
    if (Result<void> ok = capture(stream); !ok) return ok;
  for (int calls : {1, 1, 10}) {
    if (calls > 1 && estimate > kShort) break;
    Result<double> us = time(stream, calls);
    if (!us) return tl::unexpected(us.error());
    estimate = *us;
    if (estimate > hopeless_us) break;
  }
  batch = int(std::clamp(sample_us / std::max(estimate, 0.1), 1.0, double(kMost)));
  return {};
}
