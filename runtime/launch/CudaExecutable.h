// A variant of a bundle, made ready for one GPU: compiled, loaded, launchable any number of times.
#ifndef JVPGEN_RUNTIME_LAUNCH_CUDAEXECUTABLE_H
#define JVPGEN_RUNTIME_LAUNCH_CUDAEXECUTABLE_H

#include "runtime/abi/Executable.h"
#include "runtime/abi/KernelBundle.h"
#include "runtime/jit/CompiledVariant.h"
#include "runtime/launch/Device.h"
#include "runtime/launch/LaunchCapture.h"
#include "runtime/launch/LaunchFrame.h"
#include "support/Result.h"
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace jvpgen {

/// Kernels in one GPU's memory, and the launch path. May be launched by many threads at once.
class CudaExecutable final : public Executable {
public:
  CudaExecutable(DevicePointer device, LaunchArguments arguments);
  ~CudaExecutable() override;

  /// Adds the next launch's kernel.
  Result<void> load(const Launch &launch, const CompiledKernel &compiled);

  /// Launches are counted there from now on; null: nowhere.
  void countIn(LaunchCapture::Program *counts) { captured = counts; }

  /// The tensors that a launch takes, in its order.
  const std::vector<TensorDeclaration> &signature() const { return arguments.signature(); }
  size_t workspaceBytes(const Problem &problem) const override { return arguments.workspaceBytes(problem); }
  /// Into how many parts a launch of this shape divides blocks; 1: into none.
  int splits(const Problem &problem) const { return arguments.splits(problem); }
  /// The same launch by launch, and which blocks.
  Division division(size_t launch, const Problem &problem) const { return arguments.division(launch, problem); }

  /// The quick way: views in the order of the signature. With a shape and strides that were launched before, addresses
  /// are all that is looked at and changed.
  Result<void> launch(const Problem &problem, std::span<const TensorView> views, void *workspace, void *stream) const;
  Result<void> launch(const Problem &problem, const TensorMap &tensors, void *workspace, void *stream) const override;

  /// Called behind each kernel that was queued, with its name.
  using Queued = std::function<Result<void>(const std::string &kernel)>;
  Result<void> launch(const Problem &problem, const TensorMap &tensors, void *workspace, void *stream,
                      const Queued &queued) const;

private:
  struct Kernel {
    std::string name;
    Driver::Module module = nullptr;
    Driver::Function function = nullptr;
    unsigned threads = 0, shared_bytes = 0;
  };
  Result<void> checkPlaces(const Problem &problem, std::span<const TensorView> views, const void *workspace) const;
  Result<void> queue(const Problem &problem, std::span<const TensorView> views, void *workspace, void *stream,
                     const Queued *queued) const;

  DevicePointer device;
  const LaunchArguments arguments;
  std::vector<Kernel> kernels;
  LaunchCapture::Program *captured = nullptr;
  mutable LaunchFrames frames; ///< of `arguments`
};

/// The variant of a program by name; an empty name is the program's default variant.
Result<const KernelVariant *> findVariant(const KernelBundle &bundle, std::string_view program,
                                          std::string_view variant = "");

/// The same variant with another schedule for its sweeps; refuses one that a sweep cannot run with on the target.
Result<KernelVariant> withSchedule(const KernelVariant &variant, const Schedule &schedule, const Target &target);

/// The same variant, each sweep with that of its legal schedules which has the number, counted round; 0 is the default.
KernelVariant withScheduleNumber(const KernelVariant &variant, unsigned number, const Target &target);

/// Compiles what is not in the cache, loads it into the device's primary context, reserves shared memory. All that can
/// fail for reasons of machine or schedule fails here, not at launch.
Result<std::unique_ptr<CudaExecutable>> prepare(const KernelBundle &bundle, const KernelVariant &variant,
                                                DevicePointer device, KernelCompiler &compiler);

/// The same by names, with each launch's own schedule unless another is given, and the process's own compiler.
Result<std::unique_ptr<CudaExecutable>> prepare(const KernelBundle &bundle, std::string_view program,
                                                std::string_view variant, const std::optional<Schedule> &schedule,
                                                DevicePointer device);

/// From kernels that are compiled already.
Result<std::unique_ptr<CudaExecutable>> load(const KernelBundle &bundle, const CompiledVariant &compiled,
                                             DevicePointer device);

} // namespace jvpgen

#endif
