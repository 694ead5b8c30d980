// jvpgen emit: the bundle of a specification as a folder of readable CUDA.
#include "tools/jvpgen/Command.h"

#include "runtime/abi/BundleFiles.h"
#include <cstdio>
#include <memory>

using namespace jvpgen;

namespace {
struct EmitOptions : SpecOptions {
  std::string arch = "sm_80", folder;
};
} // namespace

static Result<void> emit(const EmitOptions &options) {
  Result<AttentionSpec> spec = loadSpec(options);
  if (!spec) return tl::unexpected<Error>(spec.error());
  Result<std::vector<std::string>> programs = selectPrograms(*spec, options);
  if (!programs) return tl::unexpected<Error>(programs.error());
  Result<PlannedSpec> planned = PlannedSpec::create(*spec, *programs);
  if (!planned) return tl::unexpected<Error>(planned.error());
  Result<KernelBundle> bundle = planned->emit({.arch = options.arch});
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  if (Result<void> done = writeBundle(*bundle, options.folder); !done) return done;
  for (const KernelVariant &v : bundle->variants)
    std::printf("%s, %s: %zu launches, %g products\n", v.program.c_str(), v.variant.c_str(), v.launches.size(),
                v.executed_products);
  return {};
}

void jvpgen::addEmit(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("emit", "write readable CUDA and what the runtime needs to launch it");
  auto options = std::make_shared<EmitOptions>();
  addSpecOptions(*command, *options);
  command->add_option("--arch", options->arch, "whose default schedules are used, as in sm_90a")->capture_default_str();
  command->add_option("-o,--output", options->folder, "folder to write")->required();
  command->callback([=, &action] { action = [=] { return emit(*options); }; });
}
