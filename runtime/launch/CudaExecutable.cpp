// Modules and functions of the driver, and the launch path.
#include "runtime/launch/CudaExecutable.h"

#include "schedule/Legality.h"
#include <array>
#include <utility>

using namespace jvpgen;

Result<const KernelVariant *> jvpgen::findVariant(const KernelBundle &bundle, std::string_view program,
                                                  std::string_view variant) {
  std::string known;
  for (const KernelVariant &candidate : bundle.variants) {
    if (candidate.program != program) continue;
    if (variant.empty() || candidate.variant == variant) return &candidate;
    known += (known.empty() ? "" : ", ") + ("'" + candidate.variant + "'");
  }
  std::string asked = "the bundle '" + bundle.name + "' was asked for the program " + std::string(program);
  if (known.empty()) return fail(ErrorKind::Invalid, asked + ", which it does not hold; select it when emitting");
  return fail(ErrorKind::Invalid, asked + " in the variant '" + std::string(variant) + "'; it has " + known);
}

Result<KernelVariant> jvpgen::withSchedule(const KernelVariant &variant, const Schedule &schedule,
                                           const Target &target) {
  KernelVariant out = variant;
  for (Launch &launch : out.launches) {
    if (!launch.resources.is_sweep) continue;
    if (Result<void> ok = legal(launch.resources, schedule, target); !ok)
      return fail(ok.error().kind, "the kernel '" + launch.kernel + "': " + ok.error().message);
    launch.schedule = schedule;
  }
  out.schedule = schedule;
  return out;
}

KernelVariant jvpgen::withScheduleNumber(const KernelVariant &variant, unsigned number, const Target &target) {
  KernelVariant out = variant;
  bool is_first = true;
  for (Launch &launch : out.launches) {
    if (!launch.resources.is_sweep) continue;
    const std::vector<Schedule> legal = legalSchedules(launch.resources, target);
    launch.schedule = legal[number % legal.size()];
    if (std::exchange(is_first, false)) out.schedule = launch.schedule;
  }
  return out;
}

CudaExecutable::CudaExecutable(DevicePointer device, LaunchArguments given)
    : device(std::move(device)), arguments(std::move(given)), frames(arguments) {}

CudaExecutable::~CudaExecutable() {
  if (!device->alive()) return; // the modules are gone already, or another process's
  Device::Scope scope(*device);
  for (const Kernel &kernel : kernels) device->driver.ModuleUnload(kernel.module);
}

Result<void> CudaExecutable::load(const Launch &launch, const CompiledKernel &compiled) {
  constexpr int kMaxDynamicSharedBytes = 8; // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
  const Driver &driver = device->driver;
  const Target &target = device->facts.target;
  if (compiled.shared_bytes > target.shared_bytes_per_block)
    return fail(ErrorKind::Unsupported,
                "the kernel '" + launch.kernel + "' needs " + std::to_string(compiled.shared_bytes) +
                    " bytes of shared memory; " + device->facts.name + " has " +
                    std::to_string(target.shared_bytes_per_block) + "; take a schedule with smaller tiles");
  Device::Scope scope(*device);
  kernels.push_back(
      {launch.kernel, nullptr, nullptr, unsigned(32 * launch.schedule.warps), unsigned(compiled.dynamic_shared_bytes)});
  Kernel &kernel = kernels.back();
  std::string asked = "loading the kernel '" + launch.kernel + "'";
  if (Result<void> ok = driver.check(driver.ModuleLoadData(&kernel.module, compiled.cubin.data()), asked); !ok) {
    kernels.pop_back();
    return ok;
  }
  return driver.check(driver.ModuleGetFunction(&kernel.function, kernel.module, launch.kernel.c_str()), asked)
      .and_then([&] {
        return driver.check(
            driver.FuncSetAttribute(kernel.function, kMaxDynamicSharedBytes, compiled.dynamic_shared_bytes), asked);
      });
}

/// A host pointer, or one of another GPU, would only fail inside a kernel, and take the whole context with it.
/// Nothing is read or written behind a workspace of no bytes.
Result<void> CudaExecutable::checkPlaces(const Problem &problem, std::span<const TensorView> views,
                                         const void *workspace) const {
  auto refuse = [&](const std::string &what) {
    return fail(ErrorKind::Invalid, what + " is to be used on " + device->facts.name + ", GPU " +
                                        std::to_string(device->facts.ordinal) +
                                        ", and its address is not memory of that GPU; copy it there");
  };
  for (size_t k = 0; k < views.size(); ++k)
    if (views[k].data && arguments.isUsed(k) && !device->owns(views[k].data))
      return refuse("the tensor '" + signature()[k].name + "'");
  const bool isPlaced = !workspace || device->owns(workspace) || workspaceBytes(problem) == 0;
  return isPlaced ? Result<void>() : refuse("the workspace");
}

Result<void> CudaExecutable::queue(const Problem &problem, std::span<const TensorView> views, void *workspace,
                                   void *stream, const Queued *queued) const {
  const Driver &driver = device->driver;
  if (Result<void> ok = device->alive(); !ok) return ok;
  if (captured) captured->count(problem);
  Device::Scope scope(*device); // maps are encoded with a context too
  LaunchFrames::Loan frame = frames.lend(problem, views);
  if (!frame->isFor(problem, views) || !frame->replace(driver, views, workspace))
    if (Result<void> ok = frame->layOut(driver, problem, views, workspace); !ok) return ok;
  if (Result<void> ok = checkPlaces(problem, views, workspace); !ok) return ok;
  for (size_t k = 0; k < kernels.size(); ++k) {
    const int64_t blocks = frame->blocks(k);
    if (blocks == 0) continue;
    const Kernel &kernel = kernels[k];
    void *parameters[] = {frame->parameter(k)};
    int code = 0;
    if (void *counter = frame->counter(k))
      code = driver.MemsetD8Async(reinterpret_cast<Driver::Address>(counter), 0, sizeof(int32_t),
                                  static_cast<Driver::Stream>(stream));
    if (code) return driver.check(code, "setting the counter of the kernel '" + kernel.name + "'");
    code = driver.LaunchKernel(kernel.function, unsigned(blocks), 1, 1, kernel.threads, 1, 1, kernel.shared_bytes,
                               static_cast<Driver::Stream>(stream), parameters, nullptr);
    if (code) return driver.check(code, "launching the kernel '" + kernel.name + "'");
    if (!queued) continue;
    if (Result<void> ok = (*queued)(kernel.name); !ok) return ok;
  }
  return {};
}

Result<void> CudaExecutable::launch(const Problem &problem, std::span<const TensorView> views, void *workspace,
                                    void *stream) const {
  return queue(problem, views, workspace, stream, nullptr);
}

Result<void> CudaExecutable::launch(const Problem &problem, const TensorMap &tensors, void *workspace,
                                    void *stream) const {
  std::array<TensorView, LaunchArguments::kMostTensors> views;
  const std::span<TensorView> taken(views.data(), signature().size());
  if (Result<void> ok = arguments.resolve(tensors, taken); !ok) return ok;
  return queue(problem, taken, workspace, stream, nullptr);
}

Result<void> CudaExecutable::launch(const Problem &problem, const TensorMap &tensors, void *workspace, void *stream,
                                    const Queued &queued) const {
  std::array<TensorView, LaunchArguments::kMostTensors> views;
  const std::span<TensorView> taken(views.data(), signature().size());
  if (Result<void> ok = arguments.resolve(tensors, taken); !ok) return ok;
  return queue(problem, taken, workspace, stream, &queued);
}

Result<std::unique_ptr<CudaExecutable>> jvpgen::load(const KernelBundle &bundle, const CompiledVariant &compiled,
                                                     DevicePointer device) {
  const auto &[variant, kernels] = compiled;
  Result<LaunchArguments> arguments = LaunchArguments::create(bundle, variant, device->facts.target.multiprocessors);
  if (!arguments) return tl::unexpected(arguments.error());
  if (kernels.size() != variant.launches.size())
    return fail(ErrorKind::Invalid, "the variant '" + variant.variant + "' has " +
                                        std::to_string(variant.launches.size()) + " kernels, and " +
                                        std::to_string(kernels.size()) + " were compiled; compile all of them");
  auto out = std::make_unique<CudaExecutable>(std::move(device), std::move(*arguments));
  if (LaunchCapture *capture = LaunchCapture::ofProcess())
    out->countIn(capture->program(bundle.digest, variant.program));
  for (size_t k = 0; k < kernels.size(); ++k)
    if (Result<void> ok = out->load(variant.launches[k], kernels[k]); !ok) return tl::unexpected(ok.error());
  return out;
}

Result<std::unique_ptr<CudaExecutable>> jvpgen::prepare(const KernelBundle &bundle, const KernelVariant &variant,
                                                        DevicePointer device, KernelCompiler &compiler) {
  Result<CompiledVariant> compiled = compileVariant(bundle, variant, device->facts.target, compiler);
  if (!compiled) return tl::unexpected(compiled.error());
  return load(bundle, *compiled, std::move(device));
}

Result<std::unique_ptr<CudaExecutable>> jvpgen::prepare(const KernelBundle &bundle, std::string_view program,
                                                        std::string_view variant,
                                                        const std::optional<Schedule> &schedule, DevicePointer device) {
  Result<const KernelVariant *> found = findVariant(bundle, program, variant);
  if (!found) return tl::unexpected(found.error());
  KernelVariant chosen = **found;
  if (schedule) {
    Result<KernelVariant> changed = withSchedule(chosen, *schedule, device->facts.target);
    if (!changed) return tl::unexpected(changed.error());
    chosen = std::move(*changed);
  }
  const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
  if (!compiler) return tl::unexpected(compiler.error());
  return prepare(bundle, chosen, std::move(device), **compiler);
}
