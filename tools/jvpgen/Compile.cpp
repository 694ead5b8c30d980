// jvpgen compile: machine code for one arch by NVRTC, and what it needs of the machine; no GPU is used.
#include "tools/jvpgen/Command.h"

#include "runtime/jit/Compile.h"
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

using namespace jvpgen;
using nlohmann::ordered_json;

namespace {
struct CompileOptions : SpecOptions {
  std::string arch = "sm_80", variant;
  bool all_variants = false;
  unsigned threads = 0;
};
} // namespace

static Result<void> compileVariant(const KernelBundle &bundle, const KernelVariant &variant,
                                   const CompileOptions &options, KernelCompiler &compiler, ordered_json &all) {
  std::vector<KernelRequest> requests = kernelRequests(variant);
  Result<std::vector<CompiledKernel>> kernels =
      compiler.compileAll(bundle, requests, {.arch = options.arch}, options.threads);
  if (!kernels) return tl::unexpected<Error>(kernels.error());
  for (size_t i = 0; i < kernels->size(); ++i) {
    const CompiledKernel &k = (*kernels)[i];
    all.push_back(
        {{"program", variant.program},
         {"kernel", k.kernel},
         {"variant", variant.variant},
         {"skeleton", variant.skeleton},
         {"schedule", scheduleName(requests[i].schedule)},
         {"fallback_reason", variant.fallback_reason.empty() ? ordered_json() : ordered_json(variant.fallback_reason)},
         {"arch", options.arch},
         {"registers", k.registers},
         {"spill_bytes", k.spill_bytes},
         {"serialised", k.serialised},
         {"shared_bytes", k.shared_bytes},
         {"compile_ms", k.compile_ms},
         {"source", k.source()}});
    if (!options.json)
      std::printf("%-16s %-16s %-40s %4d registers %5d spilled %7d shared %8.0f ms %s%s\n", variant.program.c_str(),
                  variant.variant.c_str(), k.kernel.c_str(), k.registers, k.spill_bytes, k.shared_bytes, k.compile_ms,
                  k.source(), k.serialised ? ", products serialised" : "");
  }
  return {};
}

static Result<void> compile(const CompileOptions &options) {
  Result<Request> request = loadRequest(options);
  if (!request) return tl::unexpected<Error>(request.error());
  Result<PlannedSpec> planned = PlannedSpec::create(request->spec, request->programs);
  if (!planned) return tl::unexpected<Error>(planned.error());
  Result<KernelBundle> bundle = planned->emit({.arch = options.arch});
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
  if (!compiler) return tl::unexpected<Error>(compiler.error());
  ordered_json all = ordered_json::array();
  std::string last;
  for (const KernelVariant &v : bundle->variants) {
    bool wanted = options.all_variants || (options.variant.empty() ? v.program != last : v.variant == options.variant);
    last = v.program;
    if (!wanted) continue;
    if (Result<void> done = compileVariant(*bundle, v, options, **compiler, all); !done) return done;
  }
  if (all.empty())
    return fail(ErrorKind::Invalid, "--variant names '" + options.variant + "', which no program of '" + bundle->name +
                                        "' has; `jvpgen emit` lists them");
  if (options.json) std::puts(all.dump(2).c_str());
  return {};
}

void jvpgen::addCompile(CLI::App &app, Action &action) {
  CLI::App *command =
      app.add_subcommand("compile", "compile the kernels for an arch; registers, spills, shared memory");
  auto options = std::make_shared<CompileOptions>();
  addSpecOptions(*command, *options);
  command->add_option("--arch", options->arch, "as in sm_80, sm_90a, sm_120")->capture_default_str();
  command->add_option("--variant", options->variant, "of the plan, by name; default: each program's own");
  command->add_flag("--all-variants", options->all_variants, "every variant");
  command->add_option("--threads", options->threads, "that compile at once; 0: as many as there are processors")
      ->capture_default_str();
  command->callback([=, &action] { action = [=] { return compile(*options); }; });
}
