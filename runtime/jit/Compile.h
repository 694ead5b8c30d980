// KernelBundle + Schedule + Target -> machine code, compiled once and kept.
#ifndef JVPGEN_RUNTIME_JIT_COMPILE_H
#define JVPGEN_RUNTIME_JIT_COMPILE_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Target.h"
#include "runtime/jit/KernelCache.h"
#include "runtime/jit/Nvrtc.h"
#include "support/Result.h"
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
  bool cached = false;          ///< not compiled by this call: kept by this process, on disk, or made by another

  /// Whether a kernel for warpgroups keeps what such kernels are for: products that overlap, all in registers.
  bool isFluent() const { return serialised == 0 && spill_bytes <= 16; }
  const char *source() const { return cached ? "cached" : "compiled"; }
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

/// Compiles kernels and keeps them in a cache. NVRTC is loaded when something is first compiled, not for a hit.
/// May be used by many threads at once.
class KernelCompiler {
public:
  /// `cache_folder` empty: kernels are kept in memory alone.
  static Result<std::unique_ptr<KernelCompiler>> create(const NvrtcFiles &files, std::filesystem::path cache_folder,
                                                        CacheFolder::Warn warn, size_t cache_limit = kCacheLimit);
  /// From the process's environment, once; warnings go to standard error.
  static const Result<std::unique_ptr<KernelCompiler>> &ofProcess();

  Result<CompiledKernel> compile(const KernelBundle &bundle, const Launch &launch, const Schedule &schedule,
                                 const Target &target);

  /// Several kernels at once on `threads` threads (0: as many as the machine has). The first failure is the result.
  Result<std::vector<CompiledKernel>> compileAll(const KernelBundle &bundle, std::span<const KernelRequest> requests,
                                                 const Target &target, unsigned threads = 0);

private:
  KernelCompiler(const NvrtcFiles &files, std::filesystem::path cache_folder, CacheFolder::Warn warn,
                 size_t cache_limit)
      : files(files), cache(std::move(cache_folder), std::move(warn), cache_limit) {}
  Result<const Nvrtc *> nvrtc();

  NvrtcFiles files;
  KernelCache cache;
  std::mutex loading;
  std::optional<Result<Nvrtc>> loaded;
};

/// One kernel, with the compiler of the process's environment.
Result<CompiledKernel> compileKernel(const KernelBundle &bundle, const Launch &launch, const Schedule &schedule,
                                     const Target &target);

} // namespace jvpgen

#endif
