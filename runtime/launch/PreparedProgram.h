// A program of a bundle on one GPU, and the shapes that it is ready for.
#ifndef JVPGEN_RUNTIME_LAUNCH_PREPAREDPROGRAM_H
#define JVPGEN_RUNTIME_LAUNCH_PREPAREDPROGRAM_H

#include "runtime/launch/CudaExecutable.h"
#include "runtime/launch/ScheduleSource.h"
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace jvpgen {

/// May be used by many threads at once: launches go on while another shape is prepared.
class PreparedProgram {
public:
  using Warn = std::function<void(const std::string &)>;

  /// `variant` empty: the one that `schedules` or the bundle prefers. Nothing is compiled yet.
  static Result<std::unique_ptr<PreparedProgram>> create(std::shared_ptr<const KernelBundle> bundle,
                                                         const std::string &program, const std::string &variant,
                                                         DevicePointer device, KernelCompiler &compiler,
                                                         ScheduleSource schedules, Warn warn);

  /// What a shape runs with, once it is prepared.
  struct Ready {
    std::unique_ptr<CudaExecutable> executable;
    KernelVariant variant; ///< with the schedules that were taken
    ScheduleMatch match = ScheduleMatch::Default;
    std::string schedule; ///< in words, of the sweep with most products
  };

  /// Looks up, compiles and loads; what is ready costs nothing. Shapes with the same schedules share their kernels.
  Result<void> prepare(const Problem &problem);
  /// From then on any shape can be launched, with the bundle's own schedules unless it is prepared by itself.
  Result<void> prepareAnyShape();

  /// Null if the shape was not prepared. Lives as long as the program.
  const Ready *find(const Problem &problem) const;

  const std::vector<TensorDeclaration> &signature() const { return arguments.signature(); }
  const KernelBundle &bundle() const { return *owned_bundle; }
  const Device &device() const { return *gpu; }
  const std::string &name() const { return program; }

private:
  PreparedProgram(std::shared_ptr<const KernelBundle> bundle, std::string program, std::string variant,
                  DevicePointer device, KernelCompiler &compiler, ScheduleSource schedules, Warn warn,
                  LaunchArguments arguments);
  Result<const Ready *> load(const ScheduleChoice &choice);

  struct ProblemHash {
    size_t operator()(const Problem &problem) const;
  };

  const std::shared_ptr<const KernelBundle> owned_bundle;
  const std::string program, variant;
  const DevicePointer gpu;
  KernelCompiler &compiler;
  const ScheduleSource schedules;
  const Warn warn;
  const LaunchArguments arguments; ///< of the program's default variant: its signature is that of all

  std::mutex preparing;                                 ///< held while something is compiled and loaded
  std::map<std::string, std::unique_ptr<Ready>> loaded; ///< by variant and schedules; of who holds `preparing`
  mutable std::shared_mutex finding;                    ///< of what follows
  std::unordered_map<Problem, const Ready *, ProblemHash> shapes;
  const Ready *any_shape = nullptr;
};

} // namespace jvpgen

#endif
