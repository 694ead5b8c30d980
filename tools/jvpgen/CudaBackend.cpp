// Programs on a GPU: tensors are copied there and back around each run.
#include "tools/jvpgen/Backend.h"

#include "runtime/launch/Ceiling.h"
#include "runtime/launch/CudaExecutable.h"
#include "tools/tensors/Interface.h"
#include <map>

using namespace jvpgen;

namespace {
/// Tensors of one call on the device.
struct DeviceTensors {
  std::vector<DeviceBuffer> buffers;
  TensorMap views;
};

class CudaBackend : public Backend {
public:
  CudaBackend(KernelBundle bundle, AttentionSpec spec, BackendOptions options, DevicePointer gpu, Stream stream)
      : bundle(std::move(bundle)), spec(std::move(spec)), options(std::move(options)), gpu(std::move(gpu)),
        stream(std::move(stream)) {}

  std::string device() const override { return gpu->facts.name; }
  CodeNames code(const std::string &program) const override {
    Result<const KernelVariant *> variant = findVariant(bundle, program, options.variant);
    if (!variant) return {};
    std::optional<std::string> fallback;
    if (!(*variant)->fallback_reason.empty()) fallback = (*variant)->fallback_reason;
    return {(*variant)->skeleton, (*variant)->variant + ", " + scheduleName((*variant)->schedule), fallback};
  }

  Result<void> run(const std::string &program, const Problem &problem, TensorSet &inputs, TensorSet &outputs) override {
    Result<DeviceTensors> tensors = upload(inputs, outputs);
    if (!tensors) return tl::unexpected<Error>(tensors.error());
    if (Result<void> done = launch(program, problem, *tensors); !done) return done;
    size_t k = inputs.size();
    for (auto &[name, tensor] : outputs)
      if (Result<void> done = tensors->buffers[k++].copyTo(tensor.bytes.data(), tensor.bytes.size(), stream); !done)
        return done;
    return stream.synchronize();
  }

  Result<Timing> time(const std::string &program, const Problem &problem, TensorSet &inputs, TensorSet &outputs,
                      int rounds, bool with_ceiling) override {
    Result<DeviceTensors> tensors = upload(inputs, outputs);
    if (!tensors) return tl::unexpected<Error>(tensors.error());
    if (Result<void> done = launch(program, problem, *tensors); !done) return tl::unexpected<Error>(done.error());
    if (with_ceiling && !ceiling)
      if (Result<Ceiling> made = Ceiling::create(gpu, Environment::ofProcess())) ceiling = std::move(*made);
    const Executable &ready = *compiled[program];
    Result<InterleavedTimes> times =
        measureCeiling(gpu, with_ceiling && ceiling ? &*ceiling : nullptr, rounds, [&](const Stream &on) {
          return ready.launch(problem, tensors->views, workspace->data(), on.handle());
        });
    if (!times) return tl::unexpected<Error>(times.error());
    return Timing{times->work_ms, times->ceiling_tflops};
  }

private:
  Result<DeviceTensors> upload(TensorSet &inputs, TensorSet &outputs) {
    DeviceTensors out;
    for (TensorSet *set : {&inputs, &outputs})
      for (auto &[name, tensor] : *set) {
        Result<DeviceBuffer> buffer = DeviceBuffer::allocate(gpu, tensor.bytes.size());
        if (!buffer) return tl::unexpected<Error>(buffer.error());
        if (Result<void> done = buffer->copyFrom(tensor.bytes.data(), tensor.bytes.size(), stream); !done)
          return tl::unexpected<Error>(done.error());
        out.views[name] = viewOf(spec, tensor, buffer->data());
        out.buffers.push_back(std::move(*buffer));
      }
    return out;
  }

  Result<void> launch(const std::string &program, const Problem &problem, const DeviceTensors &tensors) {
    auto &slot = compiled[program];
    if (!slot) {
      Result<std::unique_ptr<Executable>> made = prepare(bundle, program, options.variant, std::nullopt, gpu);
      if (!made) return tl::unexpected<Error>(made.error());
      slot = std::move(*made);
    }
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
  std::map<std::string, std::unique_ptr<Executable>> compiled;
  std::optional<DeviceBuffer> workspace;
  std::optional<Ceiling> ceiling;
};
} // namespace

Result<std::unique_ptr<Backend>> jvpgen::openCudaBackend(PlannedSpec planned, const AttentionSpec &spec,
                                                         const BackendOptions &options) {
  Result<DevicePointer> gpu = Device::open();
  if (!gpu) return tl::unexpected<Error>(gpu.error());
  Result<KernelBundle> bundle = planned.emit((*gpu)->facts.target);
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  if (options.schedule_number)
    for (KernelVariant &variant : bundle->variants)
      variant = withScheduleNumber(variant, options.schedule_number, (*gpu)->facts.target);
  Result<Stream> stream = Stream::create(*gpu);
  if (!stream) return tl::unexpected<Error>(stream.error());
  return std::make_unique<CudaBackend>(std::move(*bundle), spec, options, *gpu, std::move(*stream));
}

std::string jvpgen::scheduleName(const Schedule &s) {
  return "tile_m " + std::to_string(s.tile_m) + ", tile_n " + std::to_string(s.tile_n) + ", warps " +
         std::to_string(s.warps) + ", stages " + std::to_string(s.stages);
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
