// Shapes to kernels: chosen once, shared where the choice is the same, found without a lock that preparing holds.
#include "runtime/launch/PreparedProgram.h"

#include "schedule/ScheduleFields.h"

using namespace jvpgen;

ScheduleSource jvpgen::bundledSchedules() {
  return [](const KernelBundle &bundle, const std::string &program, const std::string &variant, const Problem &,
            const DeviceFacts &) -> Result<ScheduleChoice> {
    Result<const KernelVariant *> found = findVariant(bundle, program, variant);
    if (!found) return tl::unexpected(found.error());
    return ScheduleChoice{**found, ScheduleMatch::Default, "", nullptr};
  };
}

Result<std::unique_ptr<PreparedProgram>> PreparedProgram::create(std::shared_ptr<const KernelBundle> bundle,
                                                                 const std::string &program, const std::string &variant,
                                                                 DevicePointer device, KernelCompiler &compiler,
                                                                 ScheduleSource schedules, Warn warn) {
  Result<const KernelVariant *> found = findVariant(*bundle, program, variant);
  if (!found) return tl::unexpected(found.error());
  Result<LaunchArguments> arguments = LaunchArguments::create(*bundle, **found);
  if (!arguments) return tl::unexpected(arguments.error());
  return std::unique_ptr<PreparedProgram>(new PreparedProgram(std::move(bundle), program, variant, std::move(device),
                                                              compiler, std::move(schedules), std::move(warn),
                                                              std::move(*arguments)));
}

PreparedProgram::PreparedProgram(std::shared_ptr<const KernelBundle> bundle, std::string program, std::string variant,
                                 DevicePointer device, KernelCompiler &compiler, ScheduleSource schedules, Warn warn,
                                 LaunchArguments arguments)
    : owned_bundle(std::move(bundle)), program(std::move(program)), variant(std::move(variant)), gpu(std::move(device)),
      compiler(compiler), schedules(std::move(schedules)), warn(std::move(warn)), arguments(std::move(arguments)) {}

size_t PreparedProgram::ProblemHash::operator()(const Problem &p) const {
  size_t hash = 0;
  for (int64_t size : {p.batch, p.heads, p.kv_heads, p.q_length, p.kv_length, p.q_total, p.kv_total})
    hash = (hash ^ size_t(size)) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 32;
}

/// Names a variant with its schedules: what has the same name shares its kernels.
static std::string keyOf(const ScheduleChoice &choice) {
  std::string out = choice.variant.variant;
  for (const Launch &launch : choice.variant.launches) out += "; " + scheduleName(launch.schedule);
  if (choice.pinned)
    for (const FrozenKernel &kernel : choice.pinned->kernels) out += "; " + kernel.cubin_sha256;
  return out + "; " + name(choice.match);
}

/// Where it is pinned how a shape's blocks are divided, whether they are, launch by launch.
static Result<void> checkPinned(const ScheduleChoice &choice, const CudaExecutable &executable,
                                const Problem &problem) {
  for (size_t k = 0; choice.pinned && k < choice.pinned->kernels.size(); ++k)
    if (Result<void> same = checkFrozenDivision(*choice.pinned, k, executable.division(k, problem)); !same) return same;
  return {};
}

/// Where machine code is pinned, whether it is that, launch by launch.
static Result<void> checkPinned(const ScheduleChoice &choice, const CompiledVariant &compiled) {
  for (size_t k = 0; choice.pinned && k < compiled.kernels.size(); ++k)
    if (Result<void> same = checkFrozenCode(*choice.pinned, k, compiled.kernels[k].cubin); !same) return same;
  return {};
}

Result<const PreparedProgram::Ready *> PreparedProgram::load(const ScheduleChoice &choice) {
  std::unique_ptr<Ready> &slot = loaded[keyOf(choice)];
  if (slot) return slot.get();
  Result<CompiledVariant> compiled = compileVariant(*owned_bundle, choice.variant, gpu->facts.target, compiler);
  if (!compiled) return tl::unexpected(compiled.error());
  if (Result<void> same = checkPinned(choice, *compiled); !same) return tl::unexpected(same.error());
  Result<std::unique_ptr<CudaExecutable>> executable = jvpgen::load(*owned_bundle, *compiled, gpu);
  if (!executable) return tl::unexpected(executable.error());
  if (warn && !choice.warning.empty()) warn(choice.warning);
  const std::string schedule = scheduleName(compiled->variant.schedule);
  slot = std::make_unique<Ready>(Ready{std::move(*executable), std::move(compiled->variant), choice.match, schedule});
  return slot.get();
}

Result<void> PreparedProgram::prepare(const Problem &problem) {
  if (Result<void> ok = gpu->alive(); !ok) return ok;
  if (Result<void> ok = checkShape(problem); !ok) return ok;
  std::lock_guard<std::mutex> alone(preparing);
  {
    std::shared_lock<std::shared_mutex> lock(finding);
    if (shapes.count(problem)) return {};
  }
  Result<ScheduleChoice> choice = schedules(*owned_bundle, program, variant, problem, gpu->facts);
  if (!choice) return tl::unexpected(choice.error());
  Result<const Ready *> ready = load(*choice);
  if (!ready) return tl::unexpected(ready.error());
  if (Result<void> same = checkPinned(*choice, *(*ready)->executable, problem); !same) return same;
  std::unique_lock<std::shared_mutex> lock(finding);
  shapes.emplace(problem, *ready);
  return {};
}

Result<void> PreparedProgram::prepareAnyShape() {
  if (Result<void> ok = gpu->alive(); !ok) return ok;
  std::lock_guard<std::mutex> alone(preparing);
  if (any_shape) return {};
  Result<ScheduleChoice> choice = bundledSchedules()(*owned_bundle, program, variant, {}, gpu->facts);
  if (!choice) return tl::unexpected(choice.error());
  Result<const Ready *> ready = load(*choice);
  if (!ready) return tl::unexpected(ready.error());
  std::unique_lock<std::shared_mutex> lock(finding);
  any_shape = *ready;
  return {};
}

const PreparedProgram::Ready *PreparedProgram::find(const Problem &problem) const {
  std::shared_lock<std::shared_mutex> lock(finding);
  auto found = shapes.find(problem);
  return found != shapes.end() ? found->second : any_shape;
}
