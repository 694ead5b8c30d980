// Modules and functions of the driver, and the launch path.
#include "runtime/launch/CudaExecutable.h"

#include "runtime/launch/LaunchArguments.h"
#include "schedule/Legality.h"
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

namespace {
struct LoadedKernel {
  std::string name;
  Driver::Module module = nullptr;
  Driver::Function function = nullptr;
  unsigned threads = 0;
  unsigned shared_bytes = 0;
};

class CudaExecutable final : public Executable {
public:
  CudaExecutable(DevicePointer device, LaunchArguments arguments)
      : device(std::move(device)), arguments(std::move(arguments)), used(this->arguments.usedTensors()) {}
  ~CudaExecutable() override {
    Device::Scope scope(*device);
    for (const LoadedKernel &kernel : kernels) device->driver.ModuleUnload(kernel.module);
  }

  Result<void> load(const Launch &launch, const CompiledKernel &compiled);
  size_t workspaceBytes(const Problem &problem) const override { return arguments.workspaceBytes(problem); }
  Result<void> launch(const Problem &problem, const TensorMap &tensors, void *workspace, void *stream) const override;

private:
  Result<void> checkPlace(const std::string &name, const void *data) const;
  Result<void> encodeMaps(size_t launch, const Problem &problem, const TensorMap &tensors,
                          KernelParameter &parameter) const;
  DevicePointer device;
  const LaunchArguments arguments;
  const std::vector<const TensorDeclaration *> used; ///< of `arguments`
  std::vector<LoadedKernel> kernels;
};
} // namespace

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
  LoadedKernel &kernel = kernels.back();
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
Result<void> CudaExecutable::checkPlace(const std::string &name, const void *data) const {
  constexpr int kMemoryType = 2, kDeviceOrdinal = 9; // CU_POINTER_ATTRIBUTE_...
  constexpr unsigned kDeviceMemory = 2;              // CU_MEMORYTYPE_DEVICE
  int attributes[] = {kMemoryType, kDeviceOrdinal};
  unsigned type = 0;
  int ordinal = -1;
  void *values[] = {&type, &ordinal};
  int code = device->driver.PointerGetAttributes(2, attributes, values, reinterpret_cast<Driver::Address>(data));
  if (code == 0 && type == kDeviceMemory && ordinal == device->facts.ordinal) return {};
  return fail(ErrorKind::Invalid, "the tensor '" + name + "' is to be used on " + device->facts.name + ", GPU " +
                                      std::to_string(device->facts.ordinal) +
                                      ", and its address is not memory of that GPU; copy it there");
}

/// Maps as the driver encodes them; what lies outside a tensor is zero.
Result<void> CudaExecutable::encodeMaps(size_t launch, const Problem &problem, const TensorMap &tensors,
                                        KernelParameter &parameter) const {
  constexpr int kF16 = 6, kBF16 = 9;                             // CU_TENSOR_MAP_DATA_TYPE_...
  constexpr int kNoInterleave = 0, kPromote256 = 3, kZeros = 0;  // ..._INTERLEAVE_, _L2_PROMOTION_L2_256B, _OOB_FILL_
  constexpr int kSwizzle32 = 1, kSwizzle64 = 2, kSwizzle128 = 3; // ..._SWIZZLE_
  TensorMapBytes *maps = parameter.maps(arguments.tensorCount(launch));
  for (size_t m = 0; m < arguments.mapCount(launch); ++m) {
    const TensorMapFacts facts = arguments.map(launch, m, problem, tensors);
    if (facts.isEmpty()) continue; // nothing will be read
    const uint32_t box[] = {facts.box_features, facts.box_rows, 1, 1}, steps[] = {1, 1, 1, 1};
    const int swizzle = facts.box_features == 64 ? kSwizzle128 : facts.box_features == 32 ? kSwizzle64 : kSwizzle32;
    int code = device->driver.TensorMapEncodeTiled(&maps[m], facts.dtype == DType::F16 ? kF16 : kBF16, 4, facts.data,
                                                   facts.extent, facts.stride_bytes, box, steps, kNoInterleave, swizzle,
                                                   kPromote256, kZeros);
    if (code) return device->driver.check(code, "describing a tensor of '" + kernels[launch].name + "' to the GPU");
  }
  return {};
}

Result<void> CudaExecutable::launch(const Problem &problem, const TensorMap &tensors, void *workspace,
                                    void *stream) const {
  if (Result<void> ok = arguments.check(problem, tensors, workspace); !ok) return ok;
  Device::Scope scope(*device);
  for (const TensorDeclaration *tensor : used)
    if (const void *data = tensors.find(tensor->name)->second.data)
      if (Result<void> ok = checkPlace(tensor->name, data); !ok) return ok;
  if (workspace)
    if (Result<void> ok = checkPlace("workspace", workspace); !ok) return ok;

  KernelParameter parameter;
  void *parameters[] = {&parameter};
  for (size_t k = 0; k < kernels.size(); ++k) {
    int64_t blocks = arguments.blocks(k, problem);
    if (blocks == 0) continue;
    arguments.pack(k, problem, tensors, workspace, parameter);
    if (Result<void> ok = encodeMaps(k, problem, tensors, parameter); !ok) return ok;
    const LoadedKernel &kernel = kernels[k];
    int code =
        device->driver.LaunchKernel(kernel.function, unsigned(blocks), 1, 1, kernel.threads, 1, 1, kernel.shared_bytes,
                                    static_cast<Driver::Stream>(stream), parameters, nullptr);
    if (code) return device->driver.check(code, "launching the kernel '" + kernel.name + "'");
  }
  return {};
}

Result<std::unique_ptr<Executable>> jvpgen::load(const KernelBundle &bundle, const CompiledVariant &compiled,
                                                 DevicePointer device) {
  const auto &[variant, kernels] = compiled;
  Result<LaunchArguments> arguments = LaunchArguments::create(bundle, variant);
  if (!arguments) return tl::unexpected(arguments.error());
  if (kernels.size() != variant.launches.size())
    return fail(ErrorKind::Invalid, "the variant '" + variant.variant + "' has " +
                                        std::to_string(variant.launches.size()) + " kernels, and " +
                                        std::to_string(kernels.size()) + " were compiled; compile all of them");
  auto out = std::make_unique<CudaExecutable>(std::move(device), std::move(*arguments));
  for (size_t k = 0; k < kernels.size(); ++k)
    if (Result<void> ok = out->load(variant.launches[k], kernels[k]); !ok) return tl::unexpected(ok.error());
  return out;
}

Result<std::unique_ptr<Executable>> jvpgen::prepare(const KernelBundle &bundle, const KernelVariant &variant,
                                                    DevicePointer device, KernelCompiler &compiler) {
  Result<CompiledVariant> compiled = compileVariant(bundle, variant, device->facts.target, compiler);
  if (!compiled) return tl::unexpected(compiled.error());
  return load(bundle, *compiled, std::move(device));
}

Result<std::unique_ptr<Executable>> jvpgen::prepare(const KernelBundle &bundle, std::string_view program,
                                                    std::string_view variant, const std::optional<Schedule> &schedule,
                                                    DevicePointer device) {
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
