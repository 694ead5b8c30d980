// jvpgen run: tensors from a file through the programs into a file.
#include "tools/jvpgen/Backend.h"
#include "tools/jvpgen/Command.h"

#include "tools/tensors/Interface.h"
#include "tools/tensors/Safetensors.h"
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>

using namespace jvpgen;
using nlohmann::ordered_json;

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

namespace {
/// Programs whose inputs the file holds or an earlier one writes; for the others, what is missing.
struct Possible {
  std::vector<std::string> programs;
  std::map<std::string, std::vector<std::string>> left_out;
};
} // namespace

/// A tangent program writes all that its primal one does: `backward` and `tangent_backward` both write dq.
static bool isReplaced(const std::string &program, const std::vector<std::string> &programs) {
  return std::find(programs.begin(), programs.end(), "tangent_" + program) != programs.end();
}

static Possible possiblePrograms(const Request &request, const TensorSet &tensors) {
  Possible out;
  std::set<std::string, std::less<>> have;
  for (const auto &[name, tensor] : tensors) have.insert(name);
  for (const std::string &p : request.programs) {
    std::vector<std::string> missing;
    for (const std::string &n : inputsOf(request.spec, p))
      if (!have.contains(n)) missing.push_back(n);
    if (!missing.empty()) {
      out.left_out[p] = missing;
      continue;
    }
    out.programs.push_back(p);
    for (const std::string &n : outputsOf(request.spec, p)) have.insert(n);
  }
  std::vector<std::string> all = out.programs;
  std::erase_if(out.programs, [&](const std::string &p) { return isReplaced(p, all); });
  return out;
}

static std::string joined(const std::vector<std::string> &names) {
  std::string out;
  for (const std::string &n : names) out += (out.empty() ? "" : " ") + n;
  return out;
}

/// Without --programs, those that the file has inputs for; a tensor that no program knows is pointed out.
static Result<Possible> choosePrograms(const RunOptions &options, const Request &request, const TensorSet &tensors) {
  for (const auto &[name, tensor] : tensors)
    if (!isTensor(request.spec, name))
      std::fprintf(stderr,
                   "notice: '%s' holds '%s', which is no tensor of '%s' and is left alone; see `jvpgen check`\n",
                   options.inputs.c_str(), name.c_str(), request.spec.name.c_str());
  Possible possible = possiblePrograms(request, tensors);
  if (options.programs.empty() && !possible.programs.empty()) return possible;
  if (!options.programs.empty() && isReplaced("backward", request.programs))
    return fail(ErrorKind::Invalid, "--programs names backward and tangent_backward, which write gradients of the same "
                                    "names; run one after the other, with an --outputs of its own");
  return Possible{request.programs, {}};
}

/// Found before anything is computed: an output that cannot be written.
static Result<void> checkDestination(const std::filesystem::path &file) {
  std::error_code ignored;
  if (file.empty() || std::filesystem::is_directory(file, ignored))
    return fail(ErrorKind::Invalid, "--outputs is '" + file.string() + "', a folder; give the name of a file in it");
  std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder, ignored))
    return fail(ErrorKind::Invalid, "--outputs is '" + file.string() + "', and there is no folder '" + folder.string() +
                                        "'; make it first");
  return {};
}

static Result<TensorSet> runPrograms(Backend &backend, const AttentionSpec &spec,
                                     const std::vector<std::string> &programs, const Problem &problem,
                                     const TensorSet &given) {
  TensorSet results;
  for (const std::string &p : programs) {
    TensorSet in, out = poisonedOutputs(spec, problem, p);
    for (const std::string &n : inputsOf(spec, p))
      in[n] = results.contains(n) ? results.find(n)->second : given.find(n)->second;
    if (Result<void> done = backend.run(p, problem, in, out); !done) return tl::unexpected<Error>(done.error());
    for (auto &[name, tensor] : out) results[name] = std::move(tensor);
  }
  return results;
}

static void report(const RunOptions &options, const Possible &chosen, const TensorSet &results,
                   const std::string &device) {
  ordered_json tensors = ordered_json::object();
  std::vector<std::string> names;
  for (const auto &[n, tensor] : results) {
    names.push_back(n);
    tensors[n] = {{"dtype", std::string(name(tensor.dtype))}, {"shape", tensor.shape}};
  }
  if (options.json) {
    ordered_json all = {{"outputs", options.outputs},
                        {"device", device},
                        {"programs", chosen.programs},
                        {"left_out", chosen.left_out},
                        {"tensors", tensors}};
    std::puts(all.dump(2).c_str());
    return;
  }
  std::printf("%s: %s of %s on %s\n", options.outputs.c_str(), joined(names).c_str(), joined(chosen.programs).c_str(),
              device.c_str());
  for (const auto &[program, missing] : chosen.left_out)
    std::printf("%s left out for want of %s\n", program.c_str(), joined(missing).c_str());
}

static Result<void> run(const RunOptions &options) {
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected<Error>(request.error());
  if (Result<void> writable = checkDestination(options.outputs); !writable) return writable;
  Result<TensorSet> tensors = readSafetensors(options.inputs);
  if (!tensors) return tl::unexpected<Error>(tensors.error());
  const AttentionSpec &spec = request->spec;
  Result<Possible> possible = choosePrograms(options, *request, *tensors);
  if (!possible) return tl::unexpected<Error>(possible.error());
  const Possible &chosen = *possible;
  Result<Problem> problem = deduceProblem(spec, *tensors, requiredInputs(spec, chosen.programs));
  if (!problem) return tl::unexpected<Error>(problem.error());
  Result<std::unique_ptr<Backend>> backend = openBackend(spec, chosen.programs, options.backend);
  if (!backend) return tl::unexpected<Error>(backend.error());
  Result<TensorSet> results = runPrograms(**backend, spec, chosen.programs, *problem, *tensors);
  if (!results) return tl::unexpected<Error>(results.error());
  if (Result<void> done = writeSafetensors(options.outputs, *results); !done) return done;
  report(options, chosen, *results, (*backend)->device());
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
