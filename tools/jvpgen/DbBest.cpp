// jvpgen db best: the schedule that a program would run with, how well it fits, and a file that pins it.
#include "tools/jvpgen/Db.h"
#include "tools/jvpgen/Shapes.h"

#include "db/BundleTrials.h"
#include "db/Frozen.h"
#include "db/Lookup.h"
#include "runtime/jit/CompiledVariant.h"
#include "runtime/launch/Device.h"
#include "runtime/launch/LaunchArguments.h"
#include "schedule/ScheduleFields.h"
#include "support/AtomicFile.h"
#include "support/Hash.h"
#include <cstdio>
#include <memory>

using namespace jvpgen;
using nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {
struct BestOptions : SpecOptions {
  std::string database, shapes = "1x8x2048x2048", freeze;
  TrialDevice gpu; ///< without an arch: the first of this machine
};

/// What one call of best works with.
struct Setting {
  const BestOptions &options;
  TrialDevice device;
  Target target;
  KernelBundle bundle;
  Database database;
  FrozenSchedules frozen;
};
} // namespace

static Result<std::pair<TrialDevice, Target>> deviceOf(const BestOptions &options) {
  if (!options.gpu.arch.empty())
    return std::pair(options.gpu,
                     Target{.arch = options.gpu.arch, .multiprocessors = int(options.gpu.multiprocessors)});
  Result<DevicePointer> gpu = Device::open();
  if (!gpu)
    return fail(ErrorKind::Environment,
                "the best schedule was asked for without naming a GPU, and this machine shows none: " +
                    gpu.error().message + "; name one with --gpu, --arch, --multiprocessors");
  const DeviceFacts &facts = (*gpu)->facts;
  TrialDevice device;
  device.name = facts.name;
  device.arch = facts.target.arch;
  device.multiprocessors = facts.target.multiprocessors;
  return std::pair(device, facts.target);
}

/// Compiles the variant and pins what came of it.
static Result<void> freeze(Setting &setting, const std::string &program, const Problem &shape,
                           const KernelVariant &variant) {
  const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
  if (!compiler) return tl::unexpected(compiler.error());
  Result<CompiledVariant> compiled = compileVariant(setting.bundle, variant, setting.target, **compiler);
  if (!compiled) return tl::unexpected(compiled.error());
  FrozenProgram pinned{{setting.bundle.digest, program, shape}, setting.device, variant.variant, {}};
  Result<LaunchArguments> arguments =
      LaunchArguments::create(setting.bundle, compiled->variant, setting.target.multiprocessors);
  if (!arguments) return tl::unexpected(arguments.error());
  std::vector<TrialKernel> kernels = kernelsOf(setting.bundle, compiled->variant);
  for (size_t k = 0; k < kernels.size(); ++k) {
    const Division division = arguments->division(k, shape);
    if (compiled->variant.launches[k].partial_numbers) kernels[k].schedule.splits = int(division.parts);
    pinned.kernels.push_back({kernels[k], division, sha256(compiled->kernels[k].cubin)});
  }
  pin(setting.frozen, std::move(pinned));
  return {};
}

static ordered_json record(const std::string &program, const Problem &shape, const TunedVariant &found,
                           const KernelBundle &bundle) {
  ordered_json kernels = ordered_json::array();
  for (const TrialKernel &kernel : kernelsOf(bundle, found.variant))
    kernels.push_back({{"kernel", kernel.kernel}, {"schedule", scheduleName(kernel.schedule)}});
  return {{"program", program},         {"shape", shapeName(shape)},
          {"match", name(found.match)}, {"is_default", found.is_default},
          {"ratio", found.ratio},       {"variant", found.variant.variant},
          {"kernels", kernels},         {"notice", found.notice}};
}

static Result<void> answer(Setting &setting, const std::string &program, const Problem &shape, ordered_json &all) {
  Result<TunedVariant> found = tunedVariant(setting.database, setting.bundle, program, shape, setting.device,
                                            setting.target, setting.options.file);
  if (!found) return tl::unexpected(found.error());
  all.push_back(record(program, shape, *found, setting.bundle));
  if (!setting.options.json) {
    std::printf("%s %s: %s, %s, ratio %.3f\n  %s\n", program.c_str(), shapeName(shape).c_str(), name(found->match),
                found->is_default ? "the default schedule" : "tuned", found->ratio,
                candidateText(found->variant.variant, kernelsOf(setting.bundle, found->variant)).c_str());
    if (!found->notice.empty()) std::printf("  %s\n", found->notice.c_str());
  }
  if (setting.options.freeze.empty()) return {};
  return freeze(setting, program, shape, found->variant);
}

/// What a file pins already, or nothing.
static Result<FrozenSchedules> readFrozen(const std::string &file) {
  std::error_code ignored;
  if (file.empty() || !fs::exists(file, ignored)) return FrozenSchedules();
  Result<std::string> text = readFile(file, size_t(1) << 26);
  if (!text) return tl::unexpected(text.error());
  return parseFrozen(*text);
}

static Result<void> best(const BestOptions &options) {
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected(request.error());
  Result<std::vector<Problem>> shapes = parseShapes(request->spec, options.shapes);
  if (!shapes) return tl::unexpected(shapes.error());
  Result<std::pair<TrialDevice, Target>> device = deviceOf(options);
  if (!device) return tl::unexpected(device.error());
  Result<PlannedSpec> planned = PlannedSpec::create(request->spec, request->programs);
  if (!planned) return tl::unexpected(planned.error());
  Result<KernelBundle> bundle = planned->emit(device->second);
  if (!bundle) return tl::unexpected(bundle.error());
  Result<FrozenSchedules> frozen = readFrozen(options.freeze);
  if (!frozen) return tl::unexpected(frozen.error());
  Setting setting{
      options,           device->first, device->second, std::move(*bundle), openUserDatabase(options.database),
      std::move(*frozen)};
  ordered_json all = ordered_json::array();
  for (const Problem &shape : *shapes)
    for (const std::string &program : request->programs)
      if (Result<void> done = answer(setting, program, shape, all); !done) return done;
  if (options.json) std::puts(all.dump(2).c_str());
  return options.freeze.empty() ? Result<void>() : writeFile(options.freeze, printFrozen(setting.frozen));
}

void jvpgen::addDbBest(CLI::App &db, Action &action) {
  CLI::App *command = db.add_subcommand("best", "the schedules that programs run with, and how well they fit");
  auto options = std::make_shared<BestOptions>();
  addSpecOptions(*command, *options);
  command->add_option("--database", options->database, "a database file, in place of your own and the shipped ones");
  command->add_option("--shapes", options->shapes, "batch x heads x queries x keys, comma separated")
      ->capture_default_str();
  CLI::Option *arch = command->add_option("--arch", options->gpu.arch, "as in sm_90a; default: this machine's GPU");
  command->add_option("--gpu", options->gpu.name, "as the driver names it, as in 'NVIDIA H200'")->needs(arch);
  command->add_option("--multiprocessors", options->gpu.multiprocessors, "of that GPU")->needs(arch);
  command->add_option("--freeze", options->freeze,
                      "compile them, and pin schedules and machine code in this file for reproducible runs");
  command->callback([=, &action] { action = [=] { return best(*options); }; });
}
