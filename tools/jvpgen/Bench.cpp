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
  int rounds = 20;
  bool ceiling = false;
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
  return {{"program", p.name},
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
}

static void printRecord(const ordered_json &r) {
  std::printf("%-16s %-16s %9.3f ms  %8.3f TFLOP/s", r["program"].get<std::string>().c_str(),
              r["shape"].get<std::string>().c_str(), double(r["median_ms"]), double(r["tflops"]));
  if (r["ratio"].is_null())
    std::puts("");
  else
    std::printf("  ceiling %8.3f  ratio %.3f\n", double(r["ceiling_tflops"]), double(r["ratio"]));
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
  RandomInputs drawn = makeInputs(setting.spec, shape, 1);
  TensorSet known = drawn.tensors;
  int64_t kept_pairs = countKeptPairs(setting.spec, drawn.problem, known);
  for (const DerivedProgram &p : programs) {
    Result<TensorSet> in = inputsFor(setting.spec, p.name, known);
    if (!in) return tl::unexpected<Error>(in.error());
    TensorSet out = poisonedOutputs(setting.spec, drawn.problem, p.name);
    Result<Timing> timing =
        setting.backend.time(p.name, drawn.problem, *in, out, setting.options.rounds, setting.options.ceiling);
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

void jvpgen::addBench(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("bench", "time programs on random normal inputs");
  auto options = std::make_shared<BenchOptions>();
  addSpecOptions(*command, *options);
  addBackendOptions(*command, options->backend);
  command->add_option("--shapes", options->shapes, "batch x heads x queries x keys, comma separated")
      ->capture_default_str();
  command->add_option("--rounds", options->rounds, "timed runs; the median counts")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_flag("--ceiling", options->ceiling,
                    "measure cuBLAS bf16 8192^3, or the processor's FMA peak, in turns with it");
  command->callback([=, &action] { action = [=] { return bench(*options); }; });
}
