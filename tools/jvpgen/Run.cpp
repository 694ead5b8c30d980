// jvpgen run: tensors from a file through the programs into a file.
#include "tools/jvpgen/Backend.h"
#include "tools/jvpgen/Command.h"

#include "tools/tensors/Interface.h"
#include "tools/tensors/Safetensors.h"
#include <algorithm>
#include <cstdio>
#include <memory>

using namespace jvpgen;

namespace {
struct RunOptions : SpecOptions {
  BackendOptions backend;
  std::string inputs, outputs;
};
} // namespace

/// Tensors that a program reads and that no earlier program of the list writes.
static std::vector<std::string> requiredInputs(const AttentionSpec &spec, const std::vector<std::string> &programs) {
  std::vector<std::string> needed, made;
  auto has = [](const std::vector<std::string> &list, const std::string &n) {
    return std::find(list.begin(), list.end(), n) != list.end();
  };
  for (const std::string &p : programs) {
    for (const std::string &n : inputsOf(spec, p))
      if (!has(made, n) && !has(needed, n)) needed.push_back(n);
    for (const std::string &n : outputsOf(spec, p)) made.push_back(n);
  }
  return needed;
}

/// Without --programs: those whose inputs the file holds, where tangent programs replace their primal ones.
static std::vector<std::string> possiblePrograms(const AttentionSpec &spec, const TensorSet &tensors) {
  std::vector<std::string> out, have;
  for (const auto &[name, tensor] : tensors) have.push_back(name);
  for (const std::string &p : programsOf(spec)) {
    std::vector<std::string> in = inputsOf(spec, p);
    bool possible = std::all_of(in.begin(), in.end(), [&](const std::string &n) {
      return std::find(have.begin(), have.end(), n) != have.end();
    });
    if (!possible) continue;
    out.push_back(p);
    for (const std::string &n : outputsOf(spec, p)) have.push_back(n);
  }
  return out;
}

static Result<void> run(const RunOptions &options) {
  Result<AttentionSpec> spec = loadSpec(options);
  if (!spec) return tl::unexpected<Error>(spec.error());
  Result<std::vector<std::string>> programs = selectPrograms(*spec, options);
  if (!programs) return tl::unexpected<Error>(programs.error());
  Result<TensorSet> tensors = readSafetensors(options.inputs);
  if (!tensors) return tl::unexpected<Error>(tensors.error());
  if (options.programs.empty())
    if (std::vector<std::string> possible = possiblePrograms(*spec, *tensors); !possible.empty()) *programs = possible;
  Result<Problem> problem = deduceProblem(*spec, *tensors, requiredInputs(*spec, *programs));
  if (!problem) return tl::unexpected<Error>(problem.error());
  Result<std::unique_ptr<Backend>> backend = openBackend(*spec, *programs, options.backend);
  if (!backend) return tl::unexpected<Error>(backend.error());
  TensorSet results;
  for (const std::string &p : *programs) {
    TensorSet in, out = poisonedOutputs(*spec, *problem, p);
    for (const std::string &n : inputsOf(*spec, p))
      in[n] = results.contains(n) ? results.find(n)->second : tensors->find(n)->second;
    if (Result<void> done = (*backend)->run(p, *problem, in, out); !done) return done;
    for (auto &[name, tensor] : out) results[name] = std::move(tensor);
  }
  if (Result<void> done = writeSafetensors(options.outputs, results); !done) return done;
  std::string names;
  for (const auto &[name, tensor] : results) names += " " + name;
  std::printf("%s on %s:%s\n", options.outputs.c_str(), (*backend)->device().c_str(), names.c_str());
  return {};
}

void jvpgen::addRun(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("run", "run programs on tensors from a safetensors file");
  auto options = std::make_shared<RunOptions>();
  addSpecOptions(*command, *options);
  command->add_option("--inputs", options->inputs, "safetensors file with the inputs")->required();
  command->add_option("--outputs", options->outputs, "safetensors file to write")->required();
  addBackendOptions(*command, options->backend);
  command->callback([=, &action] { action = [=] { return run(*options); }; });
}
