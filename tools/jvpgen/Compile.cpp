// jvpgen compile: machine code by NVRTC, and what it needs of the machine, or into a bundle; no GPU is used.
#include "tools/jvpgen/Command.h"
#include "tools/jvpgen/UserDatabase.h"

#include "db/Lookup.h"
#include "runtime/abi/BundleFiles.h"
#include "runtime/abi/BundleMetadata.h"
#include "runtime/jit/AheadOfTime.h"
#include "schedule/ScheduleFields.h"
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <utility>

using namespace jvpgen;
using nlohmann::ordered_json;

namespace {
struct CompileOptions : SpecOptions {
  std::string arch = "sm_80", variant, bundle, database;
  bool all_variants = false, all_schedules = false, report = false;
  unsigned threads = 0;
};

/// The output of one call: records, and beside them lines or a table.
class Listing {
public:
  explicit Listing(const CompileOptions &options) : options(options) {}
  void add(const KernelVariant &variant, const ScheduleReport &report);
  ordered_json records = ordered_json::array();

private:
  void printRow(const KernelVariant &variant, const ScheduleReport &report);
  void printLine(const KernelVariant &variant, const ScheduleReport &report) const;
  const CompileOptions &options;
  std::string titled; ///< the kernel whose table has begun
};
} // namespace

void Listing::add(const KernelVariant &variant, const ScheduleReport &report) {
  const CompiledKernel &k = report.kernel;
  records.push_back(
      {{"program", variant.program},
       {"kernel", k.kernel},
       {"variant", variant.variant},
       {"skeleton", variant.skeleton},
       {"schedule", scheduleName(report.schedule)},
       {"fallback_reason", variant.fallback_reason.empty() ? ordered_json() : ordered_json(variant.fallback_reason)},
       {"arch", options.arch},
       {"registers", k.registers},
       {"spill_bytes", k.spill_bytes},
       {"serialised", k.serialised},
       {"shared_bytes", k.shared_bytes},
       {"compile_ms", k.compile_ms},
       {"source", k.source()},
       {"taken", report.is_taken},
       {"verdict", report.verdict}});
  if (options.json) return;
  if (options.report)
    printRow(variant, report);
  else
    printLine(variant, report);
}

void Listing::printRow(const KernelVariant &variant, const ScheduleReport &report) {
  const CompiledKernel &k = report.kernel;
  if (titled != k.kernel) {
    std::printf("%s%s (%s, %s skeleton) for %s\n", titled.empty() ? "" : "\n", k.kernel.c_str(),
                variant.variant.c_str(), variant.skeleton.c_str(), options.arch.c_str());
    for (const ScheduleField &field : kScheduleFields) std::printf("%6s ", field.name);
    std::printf("%9s %7s %10s %7s %7s  %s\n", "registers", "spilled", "serialised", "shared", "ms", "verdict");
    titled = k.kernel;
  }
  for (const ScheduleField &field : kScheduleFields) std::printf("%6d ", report.schedule.*field.value);
  std::printf("%9d %7d %10d %7d %7.0f  %s\n", k.registers, k.spill_bytes, k.serialised, k.shared_bytes, k.compile_ms,
              report.verdict.c_str());
}

void Listing::printLine(const KernelVariant &variant, const ScheduleReport &report) const {
  const CompiledKernel &k = report.kernel;
  std::printf("%-16s %-16s %-40s %4d registers %5d spilled %7d shared %8.0f ms %s%s\n", variant.program.c_str(),
              variant.variant.c_str(), k.kernel.c_str(), k.registers, k.spill_bytes, k.shared_bytes, k.compile_ms,
              k.source(), k.serialised ? ", products serialised" : "");
}

/// The schedules that are taken; a verdict names the launch's own as the default.
static Result<void> listTaken(const KernelBundle &bundle, const KernelVariant &variant, const CompileOptions &options,
                              KernelCompiler &compiler, Listing &listing) {
  Result<CompiledVariant> compiled = compileVariant(bundle, variant, {.arch = options.arch}, compiler, options.threads);
  if (!compiled) return tl::unexpected<Error>(compiled.error());
  for (size_t i = 0; i < compiled->kernels.size(); ++i) {
    const Launch &launch = compiled->variant.launches[i];
    const bool isDefault = launch.schedule == variant.launches[i].schedule;
    const std::string obstacle = rejection(launch, compiled->kernels[i]);
    listing.add(compiled->variant,
                {launch.schedule, compiled->kernels[i], true,
                 !isDefault         ? "legal, taken in the default's place"
                 : obstacle.empty() ? "default"
                                    : "default, taken although " + obstacle + ": so it is with all others"});
  }
  return {};
}

static Result<void> listAll(const KernelBundle &bundle, const KernelVariant &variant, const CompileOptions &options,
                            KernelCompiler &compiler, Listing &listing) {
  for (const Launch &launch : variant.launches) {
    if (!launch.resources.is_sweep) continue; // has one schedule
    Result<std::vector<ScheduleReport>> reports =
        compileSchedules(bundle, launch, {.arch = options.arch}, compiler, options.threads);
    if (!reports) return tl::unexpected<Error>(reports.error());
    for (const ScheduleReport &report : *reports) listing.add(variant, report);
  }
  return {};
}

/// Whether the options name this variant; `last` is the program of the one before, whose first is its default.
static bool isWanted(const CompileOptions &options, const KernelVariant &variant, std::string &last) {
  const bool is_first = variant.program != std::exchange(last, variant.program);
  return options.all_variants || (options.variant.empty() ? is_first : variant.variant == options.variant);
}

static tl::unexpected<Error> noSuchVariant(const CompileOptions &options, const KernelBundle &bundle) {
  return fail(ErrorKind::Invalid, "--variant names '" + options.variant + "', which no program of '" + bundle.name +
                                      "' has; `jvpgen emit` lists them");
}

/// Machine code of what look-ups answer beside the defaults.
static Result<void> addTuned(const CompileOptions &options, const std::string &arch, Database &database,
                             KernelCompiler &compiler, KernelBundle &bundle) {
  std::set<std::string> programs;
  for (const KernelVariant &variant : bundle.variants) programs.insert(variant.program);
  for (const std::string &program : programs) {
    Result<std::vector<KernelVariant>> tuned = tunedVariants(database, bundle, program, arch);
    if (!tuned) return tl::unexpected<Error>(tuned.error());
    for (const KernelVariant &variant : *tuned)
      if (Result<void> done = addMachineCode(bundle, variant, arch, compiler, options.threads); !done) return done;
  }
  return {};
}

/// Machine code for every arch of the list, written into the bundle's folder.
static Result<void> compileBundle(const CompileOptions &options) {
  Result<KernelBundle> bundle = readBundle(options.bundle);
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
  if (!compiler) return tl::unexpected<Error>(compiler.error());
  const std::vector<KernelVariant> variants = bundle->variants;
  Database database = openUserDatabase(options.database);
  std::stringstream archs(options.arch);
  for (std::string arch; std::getline(archs, arch, ',');) {
    bool found = false;
    std::string last;
    for (const KernelVariant &variant : variants) {
      if (!isWanted(options, variant, last)) continue;
      found = true;
      if (Result<void> done = addMachineCode(*bundle, variant, arch, **compiler, options.threads); !done) return done;
    }
    if (!found) return noSuchVariant(options, *bundle);
    if (!options.variant.empty()) continue;
    if (Result<void> done = addTuned(options, arch, database, **compiler, *bundle); !done) return done;
  }
  if (Result<void> done = writeBundle(*bundle, options.bundle); !done) return done;
  ordered_json all = ordered_json::array();
  for (size_t k = 0; k < bundle->machine_code.size(); ++k) {
    const MachineCode &code = bundle->machine_code[k];
    all.push_back({{"file", machineCodeFile(*bundle, k)},
                   {"kernel", code.kernel},
                   {"arch", code.arch},
                   {"schedule", scheduleName(code.schedule)},
                   {"bytes", code.cubin.size()}});
    if (!options.json)
      std::printf("%-60s %7zu bytes, %s\n", machineCodeFile(*bundle, k).c_str(), code.cubin.size(),
                  scheduleName(code.schedule).c_str());
  }
  if (options.json) std::puts(all.dump(2).c_str());
  return {};
}

static Result<void> compile(const CompileOptions &options) {
  if (options.file.empty() == options.bundle.empty())
    return fail(ErrorKind::Invalid,
                "what to compile is asked for, and there is " +
                    std::string(options.file.empty() ? "nothing" : "both a specification and a bundle") +
                    "; give a specification, or --bundle FOLDER");
  if (!options.bundle.empty()) return compileBundle(options);
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected<Error>(request.error());
  Result<PlannedSpec> planned = PlannedSpec::create(request->spec, request->programs);
  if (!planned) return tl::unexpected<Error>(planned.error());
  Result<KernelBundle> bundle = planned->emit({.arch = options.arch});
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
  if (!compiler) return tl::unexpected<Error>(compiler.error());
  Listing listing(options);
  std::string last;
  for (const KernelVariant &v : bundle->variants) {
    if (!isWanted(options, v, last)) continue;
    if (Result<void> done = (options.all_schedules ? listAll : listTaken)(*bundle, v, options, **compiler, listing);
        !done)
      return done;
  }
  if (listing.records.empty()) return noSuchVariant(options, *bundle);
  if (options.json) std::puts(listing.records.dump(2).c_str());
  return {};
}

void jvpgen::addCompile(CLI::App &app, Action &action) {
  CLI::App *command =
      app.add_subcommand("compile", "compile the kernels for an arch; registers, spills, shared memory");
  auto options = std::make_shared<CompileOptions>();
  addSpecOptions(*command, *options);
  command->get_option("spec")->required(false);
  command->add_option("--bundle", options->bundle,
                      "in the place of a specification: a bundle's folder, which the machine code is put into; it then "
                      "runs without NVRTC");
  command->add_option("--database", options->database,
                      "whose tuned schedules a bundle gets beside the default ones; default: your own and the shipped");
  command->add_option("--arch", options->arch, "as in sm_80, sm_90a, sm_120; for a bundle several, comma separated")
      ->capture_default_str();
  command->add_option("--variant", options->variant, "of the plan, by name; default: each program's own");
  command->add_flag("--all-variants", options->all_variants, "every variant");
  command->add_flag("--all-schedules", options->all_schedules, "every legal schedule of each kernel");
  command->add_flag("--report", options->report, "a table for each kernel, with what is thought of each schedule");
  command->add_option("--threads", options->threads, "that compile at once; 0: as many as there are processors")
      ->capture_default_str();
  command->callback([=, &action] { action = [=] { return compile(*options); }; });
}
