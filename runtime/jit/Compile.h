// KernelBundle + Schedule + Target -> machine code, compiled once and kept.
#ifndef JVPGEN_RUNTIME_JIT_COMPILE_H
#define JVPGEN_RUNTIME_JIT_COMPILE_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Target.h"
#include "runtime/jit/KernelCache.h"
#include "runtime/jit/Nvrtc.h"
#include "runtime/jit/TranslationUnit.h"
#include "support/Result.h"
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace jvpgen {

struct CompiledKernel {
  std::string kernel;
  std::string cubin;
  int registers = 0;            ///< 32-bit registers per thread
  int spill_bytes = 0;          ///< per thread, of the kernel and of functions it calls
  int serialised = 0;           ///< notes of ptxas (C7510 to C7518) that warpgroups' products wait for one another
  int shared_bytes = 0;         ///< per block, static and dynamic
  int dynamic_shared_bytes = 0; ///< what the launch has to ask for
  double compile_ms = 0;        ///< time that this call took
  bool ahead_of_time = false;   ///< from the bundle
  bool cached = false;          ///< not compiled by this call: kept by this process, on disk, or made by another

  /// Whether a kernel for warpgroups keeps what such kernels are for: products that overlap, all in registers.
  bool isFluent() const { return serialised == 0 && spill_bytes <= 16; }
  const char *source() const { return ahead_of_time ? "bundle" : cached ? "cached" : "compiled"; }
};

/// What is compiled: one launch of a bundle, with a schedule that its skeleton allows.
struct KernelRequest {
  const Launch *launch = nullptr;
  Schedule schedule;
};

/// Every launch of a variant with the schedule that stands in it.
std::vector<KernelRequest> kernelRequests(const KernelVariant &variant);

/// What NVRTC is told beside the text.
std::vector<std::string> compilationOptions(const Launch &launch, const Schedule &schedule, const Target &target);

/// Takes kernels from the bundle, else from a cache, else compiles and keeps them. NVRTC is looked for when the bundle
/// does not hold a kernel, and loaded when something is first compiled. May be used by many threads at once.
class KernelCompiler {
public:
  /// `cache_folder` empty: kernels are kept in memory alone.
  static Result<std::unique_ptr<KernelCompiler>> create(const NvrtcFiles &files, std::filesystem::path cache_folder,
                                                        CacheFolder::Warn warn, size_t cache_limit = kCacheLimit);
  /// From the process's environment, once; warnings go to standard error. There is one without NVRTC too: it has what
  /// bundles hold.
  static const Result<std::unique_ptr<KernelCompiler>> &ofProcess();

  Result<CompiledKernel> compile(const KernelBundle &bundle, const Launch &launch, const Schedule &schedule,
                                 const Target &target);

  /// Several kernels at once on `threads` threads (0: as many as the machine has). The first failure is the result.
  Result<std::vector<CompiledKernel>> compileAll(const KernelBundle &bundle, std::span<const KernelRequest> requests,
                                                 const Target &target, unsigned threads = 0);

  /// The build ids of the NVRTC that compiles; an error where there is none.
  Result<std::string> nvrtcIdentity();

private:
  using FindNvrtc = std::function<Result<NvrtcFiles>()>;
  KernelCompiler(FindNvrtc find, std::filesystem::path cache_folder, CacheFolder::Warn warn, size_t cache_limit)
      : find(std::move(find)), cache(std::move(cache_folder), std::move(warn), cache_limit) {}
  Result<const NvrtcFiles *> nvrtcFiles();
  Result<const Nvrtc *> nvrtc();
  Result<CompiledKernel> compileOrRecall(const TranslationUnit &unit, const Launch &launch, const Schedule &schedule,
                                         const Target &target);

  const FindNvrtc find;
  KernelCache cache;
  std::mutex loading; ///< of what follows
  std::optional<Result<NvrtcFiles>> files;
  std::optional<Result<Nvrtc>> loaded;
};

/// One kernel, with the compiler of the process's environment.
Result<CompiledKernel> compileKernel(const KernelBundle &bundle, const Launch &launch, const Schedule &schedule,
                                     const Target &target);

} // namespace jvpgen

#endif
