// Programs on this machine's processor.
#include "tools/jvpgen/Backend.h"

#ifdef JVPGEN_WITH_CPU
#include "compiler/cpu/FmaPeak.h"
#endif
#include "tools/tensors/Interface.h"
#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

using namespace jvpgen;

namespace {
class CpuBackend : public Backend {
public:
  CpuBackend(PlannedSpec planned, AttentionSpec spec, BackendOptions options)
      : planned(std::move(planned)), spec(std::move(spec)), options(std::move(options)) {
    if (!this->options.threads) this->options.threads = std::max(1u, std::thread::hardware_concurrency());
  }

  std::string device() const override { return "cpu"; }
  CodeNames code(const std::string &program, const Problem &) const override {
    std::string variant = options.variant.empty() ? planned.variantForCpu(program) : options.variant;
    return {"cpu", variant + ", threads " + std::to_string(options.threads), std::nullopt};
  }

  Result<void> run(const std::string &program, const Problem &problem, TensorSet &inputs, TensorSet &outputs) override {
    Result<const Executable *> executable = prepare(program);
    if (!executable) return tl::unexpected<Error>(executable.error());
    workspace.resize((*executable)->workspaceBytes(problem) + kAlignment);
    TensorMap views = viewsOf(spec, inputs);
    for (auto &[name, view] : viewsOf(spec, outputs)) views[name] = view;
    auto address = (reinterpret_cast<uintptr_t>(workspace.data()) + kAlignment - 1) & ~uintptr_t(kAlignment - 1);
    return (*executable)->launch(problem, views, reinterpret_cast<void *>(address), nullptr);
  }

  Result<Timing> time(const std::string &program, const Problem &problem, TensorSet &inputs, TensorSet &outputs,
                      const TimingOptions &how) override {
    if (how.by_launch || how.graph_slope)
      return fail(ErrorKind::Unsupported, "--by-launch and --graph-slope ask for times of kernels on a GPU, and '" +
                                              program + "' runs on the processor as a whole; use --device cuda");
    std::vector<double> times, attainable; ///< ms, and the FLOP that the peak is in that time
#ifdef JVPGEN_WITH_CPU
    double before = 0;
    std::optional<FmaPeak> peak;
    if (how.ceiling) {
      Result<FmaPeak> made = FmaPeak::create(options.threads);
      if (!made) return tl::unexpected<Error>(made.error());
      peak = std::move(*made);
    }
#endif
    for (int k = -1; k < how.rounds; ++k) {
      auto begin = std::chrono::steady_clock::now();
      if (Result<void> done = run(program, problem, inputs, outputs); !done) return tl::unexpected<Error>(done.error());
      double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
      if (k >= 0) times.push_back(ms);
#ifdef JVPGEN_WITH_CPU
      if (!peak) continue;
      double after = peak->measure();
      if (k >= 0) attainable.push_back(ms * std::max(before, after));
      before = after;
#endif
    }
    // On a machine that others use too, times and peaks vary together: the median is that of their pairs.
    Timing out;
    out.median_ms = median(times), out.workspace_bytes = workspace.size() - kAlignment;
    if (!attainable.empty()) out.ceiling_tflops = median(attainable) / out.median_ms / 1e12;
    return out;
  }

private:
  static constexpr size_t kAlignment = 256; ///< of a workspace

  static double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  }

  Result<const Executable *> prepare(const std::string &program) {
    auto &slot = compiled[program];
    if (!slot) {
      Result<std::unique_ptr<Executable>> made = planned.compileForCpu(program, options.variant, options.threads);
      if (!made) return tl::unexpected<Error>(made.error());
      slot = std::move(*made);
    }
    return slot.get();
  }

  PlannedSpec planned;
  AttentionSpec spec;
  BackendOptions options;
  std::map<std::string, std::unique_ptr<Executable>> compiled;
  std::vector<unsigned char> workspace;
};
} // namespace

Result<std::unique_ptr<Backend>> jvpgen::openCpuBackend(PlannedSpec planned, const AttentionSpec &spec,
                                                        const BackendOptions &options) {
  return std::make_unique<CpuBackend>(std::move(planned), spec, options);
}
