// Events between kernels, and around graphs.
#include "tools/jvpgen/CudaTiming.h"

#include "runtime/launch/LaunchGraph.h"
#include <algorithm>
#include <optional>

using namespace jvpgen;

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Result<std::vector<LaunchTime>> jvpgen::timeByLaunch(const TimedCall &call, int rounds) {
  constexpr int kWarmUp = 2;
  Result<Stream> stream = Stream::create(call.gpu);
  if (!stream) return tl::unexpected(stream.error());
  std::vector<Event> events; // one before the first kernel, and one behind each
  std::vector<LaunchTime> out;
  std::vector<std::vector<double>> times; // by kernel
  auto record = [&](size_t index) -> Result<void> {
    if (index == events.size()) {
      Result<Event> made = Event::create(call.gpu);
      if (!made) return tl::unexpected(made.error());
      events.push_back(std::move(*made));
    }
    return events[index].record(*stream);
  };
  for (int round = 0; round < kWarmUp + rounds; ++round) {
    size_t queued = 0;
    Result<void> done = record(0).and_then([&] {
      return call.executable.launch(call.problem, call.views, call.workspace, stream->handle(),
                                    [&](const std::string &kernel) {
                                      if (queued == out.size()) out.push_back({kernel}), times.emplace_back();
                                      return record(++queued);
                                    });
    });
    if (!done) return tl::unexpected(done.error());
    for (size_t k = 0; k < queued; ++k) {
      Result<double> ms = Event::milliseconds(events[k], events[k + 1]);
      if (!ms) return tl::unexpected(ms.error());
      if (round >= kWarmUp) times[k].push_back(*ms);
    }
  }
  for (size_t k = 0; k < out.size(); ++k) out[k].median_ms = median(times[k]);
  return out;
}

Result<double> jvpgen::graphSlope(const TimedCall &call, int rounds) {
  constexpr int kWarmUp = 3, kShort = 100, kLong = 200;
  Result<Stream> stream = Stream::create(call.gpu);
  if (!stream) return tl::unexpected(stream.error());
  Result<Event> begin = Event::create(call.gpu), end = Event::create(call.gpu);
  if (!begin || !end) return tl::unexpected(begin ? end.error() : begin.error());
  std::vector<LaunchGraph> graphs;
  for (int calls : {kShort, kLong}) {
    Result<LaunchGraph> graph = LaunchGraph::record(call.gpu, *stream, "launches to be timed", [&] {
      Result<void> queued;
      for (int k = 0; queued && k < calls; ++k)
        queued = call.executable.launch(call.problem, call.views, call.workspace, stream->handle());
      return queued;
    });
    if (!graph) return tl::unexpected(graph.error());
    graphs.push_back(std::move(*graph));
  }
  std::vector<double> times[2];
  for (int round = 0; round < kWarmUp + rounds; ++round)
    for (size_t g = 0; g < graphs.size(); ++g) {
      Result<double> ms = begin->record(*stream)
                              .and_then([&] { return graphs[g].replay(*stream); })
                              .and_then([&] { return end->record(*stream); })
                              .and_then([&] { return Event::milliseconds(*begin, *end); });
      if (!ms) return ms;
      if (round >= kWarmUp) times[g].push_back(*ms);
    }
  return 1000 * (median(times[1]) - median(times[0])) / (kLong - kShort);
}

Result<Timing> jvpgen::timeCall(const TimedCall &call, const TimingOptions &how, const Ceiling *ceiling) {
  Result<InterleavedTimes> times =
      measureCeiling(call.gpu, ceiling, {.rounds = how.rounds, .burst_ms = how.burst_ms}, [&](const Stream &on) {
        return call.executable.launch(call.problem, call.views, call.workspace, on.handle());
      });
  if (!times) return tl::unexpected(times.error());
  Timing out;
  out.median_ms = times->work_ms, out.ceiling_tflops = times->ceiling_tflops;
  out.workspace_bytes = call.executable.workspaceBytes(call.problem);
  if (how.by_launch) {
    Result<std::vector<LaunchTime>> launches = timeByLaunch(call, how.rounds);
    if (!launches) return tl::unexpected(launches.error());
    out.launches = std::move(*launches);
  }
  if (how.graph_slope) {
    Result<double> slope = graphSlope(call, how.rounds);
    if (!slope) return tl::unexpected(slope.error());
    out.slope_us = *slope;
  }
  return out;
}
