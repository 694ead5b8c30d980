// jvpgen bench: how fast a program is, beside a ceiling measured in the same run.
#include "tools/jvpgen/Backend.h"
#include "tools/jvpgen/Command.h"
#include "tools/jvpgen/Shapes.h"

#include "compiler/driver/Driver.h"
#include "tools/tensors/Interface.h"
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

/// FLOP of a program over query-key pairs that are kept; nothing if a mask or lengths decide which those are.
static std::optional<double> flopOf(const DerivedProgram &p, const AttentionSpec &spec, const Problem &shape) {
  if (spec.mask || spec.input("mask") || spec.layout != Layout::Dense) return std::nullopt;
  return p.matmuls * 2 * spec.head_dim_qk * double(shape.batch * shape.heads) * double(shape.q_length) *
         double(shape.kv_length);
}

static Result<void> bench(const BenchOptions &options) {
  Result<AttentionSpec> spec = loadSpec(options);
  if (!spec) return tl::unexpected<Error>(spec.error());
  Result<std::vector<std::string>> programs = selectPrograms(*spec, options);
  if (!programs) return tl::unexpected<Error>(programs.error());
  Result<std::vector<Problem>> shapes = parseShapes(*spec, options.shapes);
  if (!shapes) return tl::unexpected<Error>(shapes.error());
  Result<std::unique_ptr<Backend>> backend = openBackend(*spec, *programs, options.backend);
  if (!backend) return tl::unexpected<Error>(backend.error());
  Result<std::vector<DerivedProgram>> derived = derivePrograms(*spec, *programs, Stage::Derive);
  if (!derived) return tl::unexpected<Error>(derived.error());
  ordered_json all = ordered_json::array();
  for (const Problem &shape : *shapes) {
    RandomInputs drawn = makeInputs(*spec, shape, 1);
    TensorSet known = drawn.tensors;
    for (const DerivedProgram &p : *derived) {
      TensorSet in, out = poisonedOutputs(*spec, drawn.problem, p.name);
      for (const std::string &n : inputsOf(*spec, p.name))
        if (auto it = known.find(n); it != known.end())
          in[n] = it->second;
        else
          return fail(ErrorKind::Invalid,
                      "'" + p.name + "' needs '" + n + "' of an earlier program; add it to --programs");
      Result<Timing> timing = (*backend)->time(p.name, drawn.problem, in, out, options.rounds, options.ceiling);
      if (!timing) return tl::unexpected<Error>(timing.error());
      if (Result<void> done = (*backend)->run(p.name, drawn.problem, in, out); !done) return done;
      for (auto &[name, tensor] : out) known[name] = tensor;
      ordered_json record = {
          {"program", p.name},         {"skeleton", (*backend)->skeleton()}, {"schedule", (*backend)->schedule(p.name)},
          {"shape", shapeName(shape)}, {"device", (*backend)->device()},     {"median_ms", timing->median_ms},
          {"tflops", nullptr},         {"ceiling_tflops", nullptr},          {"ratio", nullptr}};
      if (std::optional<double> flop = flopOf(p, *spec, shape)) record["tflops"] = *flop / (timing->median_ms * 1e9);
      if (timing->ceiling_tflops) record["ceiling_tflops"] = *timing->ceiling_tflops;
      if (timing->ceiling_tflops && !record["tflops"].is_null())
        record["ratio"] = double(record["tflops"]) / *timing->ceiling_tflops;
      if (!options.json)
        std::printf("%-16s %-16s %9.3f ms  %s TFLOP/s  ceiling %s  ratio %s\n", p.name.c_str(),
                    shapeName(shape).c_str(), timing->median_ms, record["tflops"].dump().c_str(),
                    record["ceiling_tflops"].dump().c_str(), record["ratio"].dump().c_str());
      all.push_back(std::move(record));
    }
  }
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
