// Which schedule each kernel takes once ptxas has spoken.
#include "runtime/jit/CompiledVariant.h"

#include "schedule/Legality.h"
#include <algorithm>

using namespace jvpgen;

std::string jvpgen::rejection(const Launch &launch, const CompiledKernel &kernel) {
  const ResourceModel &model = launch.resources;
  // Three products for one of float32: most kernels spill a little, and compiling takes seconds.
  if (model.warpgroups ? kernel.isFluent() : kernel.spill_bytes == 0 || model.element_bytes == 4) return "";
  std::string out;
  if (kernel.serialised) out = "its products wait for one another (" + std::to_string(kernel.serialised) + " notes)";
  if (kernel.spill_bytes)
    out += (out.empty() ? "" : " and ") + ("it spills " + std::to_string(kernel.spill_bytes) + " bytes");
  return out;
}

static std::vector<Schedule> ownFirst(const Launch &launch, const std::vector<Schedule> &others) {
  std::vector<Schedule> out = {launch.schedule};
  for (const Schedule &schedule : others)
    if (!(schedule == launch.schedule)) out.push_back(schedule);
  return out;
}

std::vector<Schedule> jvpgen::schedulesToTry(const Launch &launch, const Target &target) {
  const ResourceModel &model = launch.resources;
  return ownFirst(launch,
                  model.warpgroups ? legalSchedules(model, target) : shorterSchedules(model, launch.schedule, target));
}

static Result<void> replaceRejected(const KernelBundle &bundle, Launch &launch, CompiledKernel &kernel,
                                    const Target &target, KernelCompiler &compiler) {
  if (rejection(launch, kernel).empty()) return {};
  for (const Schedule &schedule : schedulesToTry(launch, target)) {
    if (schedule == launch.schedule) continue;
    Result<CompiledKernel> other = compiler.compile(bundle, launch, schedule, target);
    if (!other) return tl::unexpected(other.error());
    if (!rejection(launch, *other).empty()) continue;
    launch.schedule = schedule;
    kernel = std::move(*other);
    return {};
  }
  return {};
}

Result<CompiledVariant> jvpgen::compileVariant(const KernelBundle &bundle, const KernelVariant &variant,
                                               const Target &target, KernelCompiler &compiler, unsigned threads) {
  CompiledVariant out{variant, {}};
  Result<std::vector<CompiledKernel>> kernels = compiler.compileAll(bundle, kernelRequests(variant), target, threads);
  if (!kernels) return tl::unexpected(kernels.error());
  out.kernels = std::move(*kernels);
  for (size_t k = 0; k < out.kernels.size(); ++k) {
    Launch &launch = out.variant.launches[k];
    const bool isNamed = launch.schedule == variant.schedule;
    if (Result<void> ok = replaceRejected(bundle, launch, out.kernels[k], target, compiler); !ok)
      return tl::unexpected(ok.error());
    if (isNamed && launch.resources.is_sweep) out.variant.schedule = launch.schedule;
  }
  return out;
}

Result<std::vector<ScheduleReport>> jvpgen::compileSchedules(const KernelBundle &bundle, const Launch &launch,
                                                             const Target &target, KernelCompiler &compiler,
                                                             unsigned threads) {
  std::vector<KernelRequest> requests;
  for (const Schedule &schedule : ownFirst(launch, legalSchedules(launch.resources, target)))
    requests.push_back({&launch, schedule});
  Result<std::vector<CompiledKernel>> kernels = compiler.compileAll(bundle, requests, target, threads);
  if (!kernels) return tl::unexpected(kernels.error());
  std::vector<ScheduleReport> out;
  for (size_t k = 0; k < requests.size(); ++k) {
    const std::string obstacle = rejection(launch, (*kernels)[k]), name = k ? "legal" : "default";
    out.push_back({requests[k].schedule, std::move((*kernels)[k]), false,
                   obstacle.empty() ? name : std::string(k ? "" : "default, ") + "rejected because " + obstacle});
  }
  const std::vector<Schedule> tried = schedulesToTry(launch, target);
  auto taken = std::find_if(out.begin(), out.end(), [&](const ScheduleReport &r) {
    return std::find(tried.begin(), tried.end(), r.schedule) != tried.end() && rejection(launch, r.kernel).empty();
  });
  if (taken == out.end()) {
    out[0].verdict += "; taken, since all others are";
    taken = out.begin();
  } else if (taken != out.begin())
    taken->verdict = "legal, taken in the default's place";
  taken->is_taken = true;
  return out;
}
