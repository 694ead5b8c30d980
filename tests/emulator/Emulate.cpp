// emulate SPEC OPTION...: `jvpgen verify --json` of the kernels emitted for a GPU, on the emulator.
#include "HostRunner.h"

#include "compiler/spec/AttentionSpec.h"
#include "runtime/launch/CudaExecutable.h"
#include "schedule/ScheduleFields.h"
#include "support/AtomicFile.h"
#include "tools/jvpgen/Shapes.h"
#include "tools/jvpgen/VerifyRecord.h"
#include <CLI/CLI.hpp>
#include <cstdio>

using namespace jvpgen;
using nlohmann::ordered_json;

namespace {
struct Options {
  std::string file, shapes = "2x4x65x100", arch = "sm_80";
  std::vector<std::string> programs;
  unsigned schedule_number = 0;
  int splits = 0;
  reference::VerifyOptions verify;
};
} // namespace

static ordered_json toJson(const reference::Record &r, const KernelBundle &bundle) {
  ordered_json out = verifyRecord(r);
  if (Result<const KernelVariant *> variant = findVariant(bundle, r.program)) {
    out["skeleton"] = (*variant)->skeleton;
    out["schedule"] = (*variant)->variant + ", " + scheduleName((*variant)->schedule);
  }
  return out;
}

static Result<KernelBundle> emitFor(const AttentionSpec &spec, const Options &options) {
  Result<PlannedSpec> planned = PlannedSpec::create(spec, options.programs);
  if (!planned) return tl::unexpected(planned.error());
  const Target target = {.arch = options.arch};
  Result<KernelBundle> bundle = planned->emit(target);
  if (!bundle) return bundle;
  for (KernelVariant &variant : bundle->variants) {
    if (options.schedule_number) variant = withScheduleNumber(variant, options.schedule_number, target);
    for (Launch &launch : variant.launches) launch.schedule.splits = options.splits;
  }
  return bundle;
}

static Result<int> emulate(Options options) {
  Result<std::string> text = readFile(options.file);
  if (!text) return tl::unexpected(text.error());
  Result<AttentionSpec> spec = parseSpec(*text, options.file);
  if (!spec) return tl::unexpected(spec.error());
  Result<std::vector<Problem>> shapes = parseShapes(*spec, options.shapes);
  if (!shapes) return tl::unexpected(shapes.error());
  if (options.programs.empty()) options.programs = programsOf(*spec);
  Result<KernelBundle> bundle = emitFor(*spec, options);
  if (!bundle) return tl::unexpected(bundle.error());
  HostRunner runner(*spec, *bundle, hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator"));
  runner.target = {.arch = options.arch};
  options.verify.programs = options.programs;
  ordered_json all = ordered_json::array();
  size_t failed = 0;
  for (const Problem &shape : *shapes) {
    Result<std::vector<reference::Record>> records = reference::verify(*spec, shape, options.verify, std::ref(runner));
    if (!records) return tl::unexpected(records.error());
    for (const reference::Record &r : *records) {
      failed += !r.passed && !r.refused;
      all.push_back(toJson(r, *bundle));
    }
  }
  std::puts(all.dump(1).c_str());
  return failed ? 1 : 0;
}

int main(int argc, char **argv) {
  CLI::App app("jvpgen verify --json of the kernels emitted for a GPU, on the emulator");
  Options options;
  RandomOptions &inputs = options.verify.inputs;
  app.add_option("spec", options.file)->required();
  app.add_option("--shapes", options.shapes);
  app.add_option("--arch", options.arch)->capture_default_str();
  app.add_option("--programs", options.programs)->delimiter(',');
  app.add_option("--seed", options.verify.seed);
  app.add_option("--schedule-number", options.schedule_number);
  app.add_option("--splits", options.splits);
  app.add_option("--q-scale", inputs.q_scale);
  app.add_option("--tangent-scale", inputs.tangent_scale);
  app.add_option("--kept-tiles", inputs.kept_tiles.share);
  app.add_option("--tile-size", inputs.kept_tiles.size);
  CLI11_PARSE(app, argc, argv);
  Result<int> status = emulate(std::move(options));
  if (status) return *status;
  std::fprintf(stderr, "%s\n", status.error().text().c_str());
  return int(status.error().kind);
}
