// jvpgen emit: the bundle of a specification as a folder of readable CUDA.
#include "tools/jvpgen/Command.h"

#include "runtime/abi/BundleFiles.h"
#include "schedule/ScheduleFields.h"
#include <cstdio>
#include <memory>

using namespace jvpgen;
using nlohmann::ordered_json;

namespace {
struct EmitOptions : SpecOptions {
  std::string arch = "sm_80", folder;
};
} // namespace

static Result<void> emit(const EmitOptions &options) {
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected<Error>(request.error());
  Result<PlannedSpec> planned = PlannedSpec::create(request->spec, request->programs);
  if (!planned) return tl::unexpected<Error>(planned.error());
  Result<KernelBundle> bundle = planned->emit({.arch = options.arch});
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  if (Result<void> done = writeBundle(*bundle, options.folder); !done) return done;
  for (const std::string &notice : bundle->notices) std::fprintf(stderr, "notice: %s\n", notice.c_str());
  ordered_json all = ordered_json::array();
  for (const KernelVariant &v : bundle->variants) {
    ordered_json kernels = ordered_json::array();
    for (const Launch &launch : v.launches) kernels.push_back({{"kernel", launch.kernel}, {"source", launch.source}});
    all.push_back({{"program", v.program},
                   {"variant", v.variant},
                   {"skeleton", v.skeleton},
                   {"schedule", scheduleName(v.schedule)},
                   {"executed_products", v.executed_products},
                   {"kernels", kernels}});
    if (!options.json)
      std::printf("%s, %s: %zu launches, %g products\n", v.program.c_str(), v.variant.c_str(), v.launches.size(),
                  v.executed_products);
  }
  if (options.json) std::puts(all.dump(2).c_str());
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
