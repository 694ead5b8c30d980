// Where programs run: on this machine's processor or on a GPU, with tensors in host memory on both sides.
#ifndef JVPGEN_TOOLS_JVPGEN_BACKEND_H
#define JVPGEN_TOOLS_JVPGEN_BACKEND_H

#include "compiler/driver/PlannedSpec.h"
#include "tools/jvpgen/Timing.h"
#include "tools/tensors/HostTensor.h"
#include <optional>
#include <string>
#include <string_view>

namespace jvpgen {

/// What records call the code that runs a program.
struct CodeNames {
  std::string skeleton, schedule;
  std::optional<std::string> fallback_reason; ///< why a faster skeleton of this device does not run it, if one exists
};

class Backend {
public:
  virtual ~Backend() = default;

  /// "cpu", or the GPU's name.
  virtual std::string device() const = 0;
  virtual CodeNames code(const std::string &program, const Problem &problem) const = 0;

  /// Compiles the program unless that was done before, and runs it: outputs are allocated by the caller.
  virtual Result<void> run(const std::string &program, const Problem &problem, TensorSet &inputs,
                           TensorSet &outputs) = 0;

  /// Warms up, and measures.
  virtual Result<Timing> time(const std::string &program, const Problem &problem, TensorSet &inputs, TensorSet &outputs,
                              const TimingOptions &how) = 0;
};

struct BackendOptions {
  std::string device = "auto";  ///< auto: the GPU if there is one; cpu; cuda
  std::string variant;          ///< empty: each program's default
  unsigned threads = 0;         ///< of the CPU; 0: as many as it has
  bool portable = false;        ///< of the GPU: no skeleton of its own
  unsigned schedule_number = 0; ///< of the GPU: among each kernel's legal schedules; 0: the default
  int splits = 0;               ///< of the GPU: parts into which blocks are divided; 0: as many as the shape asks for
};

Result<std::unique_ptr<Backend>> openBackend(const AttentionSpec &spec, const std::vector<std::string> &programs,
                                             const BackendOptions &options);

Result<std::unique_ptr<Backend>> openCpuBackend(PlannedSpec spec, const AttentionSpec &parsed,
                                                const BackendOptions &options);
Result<std::unique_ptr<Backend>> openCudaBackend(PlannedSpec spec, const AttentionSpec &parsed,
                                                 const BackendOptions &options);

} // namespace jvpgen

#endif
