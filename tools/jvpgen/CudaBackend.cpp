// Programs on a GPU: tensors are copied there and back around each run.
#include "tools/jvpgen/Backend.h"

#include "schedule/ScheduleFields.h"
#include "tools/jvpgen/CudaTiming.h"
#include "tools/jvpgen/DeviceTensors.h"
#include <map>

using namespace jvpgen;

namespace {
/// A program that can be launched, and the variant that was compiled for it.
struct Ready {
  KernelVariant variant;
  std::unique_ptr<CudaExecutable> executable;
};

class CudaBackend : public Backend {
public:
  CudaBackend(KernelBundle bundle, AttentionSpec spec, BackendOptions options, DevicePointer gpu, Stream stream)
      : bundle(std::move(bundle)), spec(std::move(spec)), options(std::move(options)), gpu(std::move(gpu)),
        stream(std::move(stream)) {}

  std::string device() const override { return gpu->facts.name; }
  CodeNames code(const std::string &program, const Problem &problem) const override {
    const KernelVariant *variant = nullptr; // as it runs, and before that as it was emitted
    int splits = 1;
    if (auto ready = compiled.find(program); ready != compiled.end())
      variant = &ready->second.variant, splits = ready->second.executable->splits(problem);
    else if (Result<const KernelVariant *> found = findVariant(bundle, program, options.variant))
      variant = *found;
    if (!variant) return {};
    std::optional<std::string> fallback;
    if (!variant->fallback_reason.empty()) fallback = variant->fallback_reason;
    Schedule schedule = variant->schedule;
    schedule.splits = splits > 1 ? splits : 0;
    return {variant->skeleton, variant->variant + ", " + scheduleName(schedule), fallback};
  }

  Result<void> run(const std::string &program, const Problem &problem, TensorSet &inputs, TensorSet &outputs) override {
    Result<DeviceTensors> tensors = DeviceTensors::upload(spec, inputs, outputs, gpu, stream);
    if (!tensors) return tl::unexpected<Error>(tensors.error());
    if (Result<void> done = launch(program, problem, *tensors); !done) return done;
    return tensors->download(outputs, stream);
  }

  Result<Timing> time(const std::string &program, const Problem &problem, TensorSet &inputs, TensorSet &outputs,
                      const TimingOptions &how) override {
    Result<DeviceTensors> tensors = DeviceTensors::upload(spec, inputs, outputs, gpu, stream);
    if (!tensors) return tl::unexpected<Error>(tensors.error());
    if (Result<void> done = launch(program, problem, *tensors); !done) return tl::unexpected<Error>(done.error());
    if (how.ceiling && !ceiling)
      if (Result<Ceiling> made = Ceiling::create(gpu, Environment::ofProcess())) ceiling = std::move(*made);
    const TimedCall call{gpu, *compiled[program].executable, problem, tensors->views, workspace->data()};
    return timeCall(call, how, how.ceiling && ceiling ? &*ceiling : nullptr);
  }

private:
  /// Compiled and loaded when it is first run.
  Result<const Executable *> prepareOnce(const std::string &program) {
    if (auto ready = compiled.find(program); ready != compiled.end()) return ready->second.executable.get();
    Result<const KernelVariant *> variant = findVariant(bundle, program, options.variant);
    if (!variant) return tl::unexpected<Error>(variant.error());
    const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
    if (!compiler) return tl::unexpected<Error>(compiler.error());
    Result<CompiledVariant> made = compileVariant(bundle, **variant, gpu->facts.target, **compiler);
    if (!made) return tl::unexpected<Error>(made.error());
    Result<std::unique_ptr<CudaExecutable>> executable = load(bundle, *made, gpu);
    if (!executable) return tl::unexpected<Error>(executable.error());
    Ready &slot = compiled[program];
    slot = {std::move(made->variant), std::move(*executable)};
    return slot.executable.get();
  }

  Result<void> launch(const std::string &program, const Problem &problem, const DeviceTensors &tensors) {
    Result<const Executable *> ready = prepareOnce(program);
    if (!ready) return tl::unexpected<Error>(ready.error());
    const Executable *slot = *ready;
    size_t bytes = slot->workspaceBytes(problem);
    if (!workspace || workspace->size() < bytes) {
      Result<DeviceBuffer> buffer = DeviceBuffer::allocate(gpu, bytes);
      if (!buffer) return tl::unexpected<Error>(buffer.error());
      workspace = std::move(*buffer);
    }
    if (Result<void> done = workspace->fill(0xff, stream); !done) return done; // whatever a launch relies on, it writes
    if (Result<void> done = slot->launch(problem, tensors.views, workspace->data(), stream.handle()); !done)
      return done;
    return stream.synchronize();
  }

  KernelBundle bundle;
  AttentionSpec spec;
  BackendOptions options;
  DevicePointer gpu;
  Stream stream;
  std::map<std::string, Ready> compiled; ///< by program
  std::optional<DeviceBuffer> workspace;
  std::optional<Ceiling> ceiling;
};
} // namespace

Result<std::unique_ptr<Backend>> jvpgen::openCudaBackend(PlannedSpec planned, const AttentionSpec &spec,
                                                         const BackendOptions &options) {
  Result<DevicePointer> gpu = Device::open();
  if (!gpu) return tl::unexpected<Error>(gpu.error());
  Target target = (*gpu)->facts.target;
  if (options.portable) target.arch.resize(target.arch.find_last_of("0123456789") + 1); // sm_90 runs on sm_90a
  Result<KernelBundle> bundle = planned.emit(target);
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  if (options.schedule_number)
    for (KernelVariant &variant : bundle->variants)
      variant = withScheduleNumber(variant, options.schedule_number, (*gpu)->facts.target);
  for (KernelVariant &variant : bundle->variants)
    for (Launch &launch : variant.launches) launch.schedule.splits = options.splits;
  Result<Stream> stream = Stream::create(*gpu);
  if (!stream) return tl::unexpected<Error>(stream.error());
  return std::make_unique<CudaBackend>(std::move(*bundle), spec, options, *gpu, std::move(*stream));
}

Result<std::unique_ptr<Backend>> jvpgen::openBackend(const AttentionSpec &spec,
                                                     const std::vector<std::string> &programs,
                                                     const BackendOptions &options) {
  bool cuda = options.device == "cuda" || (options.device == "auto" && Device::open().has_value());
  Result<PlannedSpec> planned = PlannedSpec::create(spec, programs);
  if (!planned) return tl::unexpected<Error>(planned.error());
  return cuda ? openCudaBackend(std::move(*planned), spec, options)
              : openCpuBackend(std::move(*planned), spec, options);
}
