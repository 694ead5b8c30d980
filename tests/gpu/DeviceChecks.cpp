// Two streams, graphs, addresses of the host.
#include "tests/gpu/DeviceChecks.h"

#include "runtime/launch/LaunchGraph.h"
#include "tests/gpu/LargeBias.h"
#include "tests/gpu/SharedChecks.h"
#include "tests/gpu/Subject.h"
#include "tests/gpu/WrongTensors.h"
#include "tools/tensors/Interface.h"
#include "tools/tensors/RandomInputs.h"

using namespace jvpgen;

namespace {
/// What runs beside itself, and again: each way in which sweeps use the workspace.
struct Work {
  const char *name, *toml;
  Problem problem;
  std::vector<const char *> programs;
};

/// A program with two sets of inputs, and the outputs of each when it runs alone.
struct Twins {
  Subject subject;
  std::string program;
  Problem problem;
  const Executable *executable = nullptr;
  std::vector<PlacedTensors> tensors;
  std::vector<TensorSet> alone;

  Result<void> launch(size_t k, void *stream) const {
    return executable->launch(problem, tensors[k].views, tensors[k].workspace(), stream);
  }
  Result<void> expectAsAlone(size_t k, const std::string &what) const {
    TensorSet outputs = alone[k];
    return tensors[k].collect(outputs).and_then([&] { return expectEqual(alone[k], outputs, what); });
  }
};
} // namespace

static Result<Twins> makeTwins(DevicePlace &place, const Work &work, const std::string &program) {
  Result<Subject> subject = Subject::create(place, work.toml);
  if (!subject) return tl::unexpected(subject.error());
  Twins out{std::move(*subject), program, work.problem, nullptr, {}, {}};
  out.subject.placement = {.strided = false};
  Result<const Executable *> executable = out.subject.executable(program);
  if (!executable) return tl::unexpected(executable.error());
  out.executable = *executable;
  for (uint64_t seed : {11, 12}) {
    const TensorSet drawn = makeInputs(out.subject.spec, out.problem, seed).tensors;
    Result<TensorSet> inputs = out.subject.inputsFor(program, out.problem, drawn);
    if (!inputs) return tl::unexpected(inputs.error());
    TensorSet outputs = poisonedOutputs(out.subject.spec, out.problem, program);
    Result<PlacedTensors> tensors = PlacedTensors::create(
        place, out.subject.spec, *inputs, outputs, out.executable->workspaceBytes(out.problem), out.subject.placement);
    if (!tensors) return tl::unexpected(tensors.error());
    if (Result<void> done = out.subject.run(program, out.problem, *inputs, outputs); !done)
      return tl::unexpected(done.error());
    out.tensors.push_back(std::move(*tensors));
    out.alone.push_back(std::move(outputs));
  }
  return out;
}

static Result<std::string> twoStreams(DevicePlace &place, const Work &work, const std::string &program) {
  constexpr int kRounds = 5;
  Result<Twins> twins = makeTwins(place, work, program);
  if (!twins) return tl::unexpected(twins.error());
  Result<Stream> first = Stream::create(place.gpu), second = Stream::create(place.gpu);
  if (!first || !second) return tl::unexpected(first ? second.error() : first.error());
  for (int round = 0; round < kRounds; ++round) {
    Result<void> done = twins->tensors[0]
                            .reset()
                            .and_then([&] { return twins->tensors[1].reset(); })
                            .and_then([&] { return twins->launch(0, first->handle()); })
                            .and_then([&] { return twins->launch(1, second->handle()); })
                            .and_then([&] { return first->synchronize(); })
                            .and_then([&] { return second->synchronize(); })
                            .and_then([&] { return twins->expectAsAlone(0, "on the first of two streams"); })
                            .and_then([&] { return twins->expectAsAlone(1, "on the second of two streams"); });
    if (!done) return tl::unexpected(done.error());
  }
  return std::to_string(kRounds) + " rounds, " + std::to_string(twins->alone[0].size()) + " outputs each";
}

// ---- graphs
// --------------------------------------------------------------------------------------------------------------

static Result<std::string> replayedGraph(DevicePlace &place, const Work &work, const std::string &program) {
  constexpr int kReplays = 3;
  Result<Twins> twins = makeTwins(place, work, program);
  if (!twins) return tl::unexpected(twins.error());
  Result<Stream> stream = Stream::create(place.gpu);
  if (!stream) return tl::unexpected(stream.error());
  Result<LaunchGraph> graph =
      LaunchGraph::record(place.gpu, *stream, program, [&] { return twins->launch(0, stream->handle()); });
  if (!graph) return tl::unexpected(graph.error());
  for (int k = 0; k < kReplays; ++k) {
    Result<void> done = twins->tensors[0]
                            .reset()
                            .and_then([&] { return graph->replay(*stream); })
                            .and_then([&] { return stream->synchronize(); })
                            .and_then([&] { return twins->expectAsAlone(0, "a graph's replay"); });
    if (!done) return tl::unexpected(done.error());
  }
  return std::to_string(kReplays) + " replays, " + std::to_string(twins->alone[0].size()) + " outputs each";
}

static Result<std::string> refusesHostMemory(DevicePlace &place) {
  auto host = std::make_shared<std::vector<unsigned char>>(1 << 20);
  auto aligned = [host] {
    return reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(host->data()) + 255) & ~uintptr_t(255));
  };
  const char *words = "its address is not memory of that GPU; copy it there";
  return refusesWrongTensors(
      place, {{"host memory", words, [=](LaunchCall &c) { c.tensors["v"].data = aligned(); }},
              {"output in host memory", words, [=](LaunchCall &c) { c.tensors["dk"].data = aligned(); }},
              {"workspace in host memory", words, [=](LaunchCall &c) { c.workspace = aligned(); }}});
}

static Result<std::string> beyond32Bits(DevicePlace &place) {
  constexpr int64_t kHeads = 9, kLength = 16384;
  static_assert(kHeads * kLength * kLength > int64_t(1) << 31);
  constexpr size_t kMemory = size_t(40) << 30; // the bias, its gradient, and a float32 sum of it
  if (place.gpu->facts.memory_bytes < kMemory)
    return fail(ErrorKind::Unsupported, "this takes up to 40 GiB of memory; run it on a larger GPU");
  return largeBias(place, kHeads, kLength);
}

std::vector<Check> jvpgen::deviceChecks(DevicePlace &place) {
  std::vector<Check> checks;
  constexpr const char *kPlain = "dtype = 'bf16'\nhead_dim_qk = 64\n",
                       *kCausal = "dtype = 'bf16'\nhead_dim_qk = 64\ncausal = 'top_left'\n";
  const Work works[] = {
      {"", kPlain, denseProblem(2, 8, 8, 1000, 1000), {"forward", "tangent_forward", "backward", "tangent_backward"}},
      {", blocks that are drawn", kCausal, denseProblem(2, 24, 24, 1000, 1000), {"forward", "tangent_forward"}},
      {", divided keys", kPlain, denseProblem(1, 2, 2, 4000, 4000), {"forward", "tangent_forward"}}};
  for (const Work &work : works)
    for (const char *program : work.programs) {
      const std::string what = std::string(program) + work.name;
      checks.push_back({"two streams at once: " + what, [=, &place] { return twoStreams(place, work, program); }});
      checks.push_back(
          {"captured in a graph and replayed: " + what, [=, &place] { return replayedGraph(place, work, program); }});
    }
  checks.push_back({"memory of the host is refused", [&place] { return refusesHostMemory(place); }});
  checks.push_back({"a bias of more than 2^31 elements", [&place] { return beyond32Bits(place); }});
  return checks;
}
