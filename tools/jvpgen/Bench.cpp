// jvpgen bench: how fast a program is, beside a ceiling measured in the same run.
#include "tools/jvpgen/Backend.h"
#include "tools/jvpgen/Command.h"
#include "tools/jvpgen/Shapes.h"

#include "compiler/driver/Driver.h"
#include "tools/tensors/Interface.h"
#include "tools/tensors/KeptPairs.h"
#include "tools/tensors/RandomInputs.h"
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

using namespace jvpgen;
using nlohmann::ordered_json;

namespace {
struct BenchOptions : SpecOptions {
  BackendOptions backend;
  std::string shapes = "1x8x2048x2048";
  TimingOptions timing;
  RandomOptions inputs;
};
} // namespace

namespace {
/// What one call of bench works with.
struct Setting {
  const BenchOptions &options;
  const AttentionSpec &spec;
  Backend &backend;
};
} // namespace

static ordered_json record(const Setting &setting, const DerivedProgram &p, const Problem &shape, int64_t kept_pairs,
                           const Timing &timing) {
  CodeNames code = setting.backend.code(p.name, shape);
  double flop = p.matmuls * 2 * setting.spec.head_dim_qk * double(kept_pairs), tflops = flop / (timing.median_ms * 1e9);
  std::optional<double> ratio;
  if (timing.ceiling_tflops) ratio = tflops / *timing.ceiling_tflops;
  ordered_json out = {{"program", p.name},
                      {"skeleton", code.skeleton},
                      {"schedule", code.schedule},
                      {"fallback_reason", orNull(code.fallback_reason)},
                      {"shape", shapeName(shape)},
                      {"kept_pairs", kept_pairs},
                      {"device", setting.backend.device()},
                      {"workspace_bytes", timing.workspace_bytes},
                      {"median_ms", timing.median_ms},
                      {"tflops", tflops},
                      {"ceiling_tflops", orNull(timing.ceiling_tflops)},
                      {"ratio", orNull(ratio)}};
  if (setting.options.inputs.geometric_head_vectors) out["head_vectors"] = "geometric";
  if (const KeptTiles &tiles = setting.options.inputs.kept_tiles; tiles.share > 0)
    out["kept_tiles"] = tiles.share, out["tile_size"] = tiles.size;
  for (const LaunchTime &launch : timing.launches)
    out["launches"].push_back({{"kernel", launch.kernel}, {"median_ms", launch.median_ms}});
  if (timing.slope_us) out["slope_us"] = *timing.slope_us;
  return out;
}

static void printRecord(const ordered_json &r) {
  std::printf("%-16s %-16s %9.3f ms  %8.3f TFLOP/s", r["program"].get<std::string>().c_str(),
              r["shape"].get<std::string>().c_str(), double(r["median_ms"]), double(r["tflops"]));
  if (!r["ratio"].is_null())
    std::printf("  ceiling %8.3f  ratio %.3f", double(r["ceiling_tflops"]), double(r["ratio"]));
  if (r.contains("slope_us")) std::printf("  %.2f us each in a graph", double(r["slope_us"]));
  std::puts("");
  if (r.contains("launches"))
    for (const ordered_json &launch : r["launches"])
      std::printf("    %-45s %9.3f ms\n", launch["kernel"].get<std::string>().c_str(), double(launch["median_ms"]));
}

/// The program's inputs, from the random ones and from what earlier programs wrote.
static Result<TensorSet> inputsFor(const AttentionSpec &spec, const std::string &program, const TensorSet &known) {
  TensorSet in;
  for (const std::string &n : inputsOf(spec, program)) {
    auto it = known.find(n);
    if (it == known.end())
      return fail(ErrorKind::Invalid,
                  "'" + program + "' needs '" + n + "' of an earlier program; add it to --programs");
    in[n] = it->second;
  }
  return in;
}

static Result<void> benchShape(const Setting &setting, const std::vector<DerivedProgram> &programs,
                               const Problem &shape, ordered_json &all) {
  RandomInputs drawn = makeInputs(setting.spec, shape, 1, setting.options.inputs);
  TensorSet known = drawn.tensors;
  int64_t kept_pairs = countKeptPairs(setting.spec, drawn.problem, known);
  for (const DerivedProgram &p : programs) {
    Result<TensorSet> in = inputsFor(setting.spec, p.name, known);
    if (!in) return tl::unexpected<Error>(in.error());
    TensorSet out = poisonedOutputs(setting.spec, drawn.problem, p.name);
    Result<Timing> timing = setting.backend.time(p.name, drawn.problem, *in, out, setting.options.timing);
    if (!timing) return tl::unexpected<Error>(timing.error());
    if (Result<void> done = setting.backend.run(p.name, drawn.problem, *in, out); !done) return done;
    for (auto &[name, tensor] : out) known[name] = std::move(tensor);
    all.push_back(record(setting, p, shape, kept_pairs, *timing));
    if (!setting.options.json) printRecord(all.back());
  }
  return {};
}

static Result<void> bench(const BenchOptions &options) {
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected<Error>(request.error());
  const auto &[spec, programs] = *request;
  if (Result<void> ok = checkKeptTiles(spec, options.inputs.kept_tiles); !ok) return ok;
  Result<std::vector<Problem>> shapes = parseShapes(spec, options.shapes);
  if (!shapes) return tl::unexpected<Error>(shapes.error());
  Result<std::unique_ptr<Backend>> backend = openBackend(spec, programs, options.backend);
  if (!backend) return tl::unexpected<Error>(backend.error());
  Result<std::vector<DerivedProgram>> derived = derivePrograms(spec, programs, Stage::Derive);
  if (!derived) return tl::unexpected<Error>(derived.error());
  ordered_json all = ordered_json::array();
  for (const Problem &shape : *shapes)
    if (Result<void> done = benchShape({options, spec, **backend}, *derived, shape, all); !done) return done;
  if (options.json) std::puts(all.dump(2).c_str());
  return {};
}

static void addTimingOptions(CLI::App &command, TimingOptions &timing) {
  command.add_option("--rounds", timing.rounds, "timed runs; the median counts")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command
      .add_option("--burst-ms", timing.burst_ms,
                  "of the GPU: how long calls follow one another in each round; 0: one call")
      ->check(CLI::Range(0., 10000.))
      ->capture_default_str();
  command.add_flag("--ceiling", timing.ceiling,
                   "measure cuBLAS bf16 8192^3, or the processor's FMA peak, in turns with it");
  command.add_flag("--by-launch", timing.by_launch, "of the GPU: the time of each kernel besides");
  command.add_flag("--graph-slope", timing.graph_slope,
                   "of the GPU: what a call takes in a graph besides, from graphs of 100 and 200 calls");
}

void jvpgen::addBench(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("bench", "time programs on random normal inputs");
  auto options = std::make_shared<BenchOptions>();
  addSpecOptions(*command, *options);
  addBackendOptions(*command, options->backend);
  command->add_option("--shapes", options->shapes, "batch x heads x queries x keys, comma separated")
      ->capture_default_str();
  addKeptTiles(*command, options->inputs.kept_tiles);
  command->add_option("--q-scale", options->inputs.q_scale, "standard deviation of q")->capture_default_str();
  command->add_flag("--geometric-head-vectors", options->inputs.geometric_head_vectors,
                    "vectors of heads are 2^(-8 (h + 1) / heads), as ALiBi's slopes");
  addTimingOptions(*command, options->timing);
  command->callback([=, &action] { action = [=] { return bench(*options); }; });
}
