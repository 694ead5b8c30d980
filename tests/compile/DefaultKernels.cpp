// NVRTC at work on emitted kernels; no GPU is used.
#include "DefaultKernels.h"

#include "compiler/driver/PlannedSpec.h"
#include "runtime/jit/CompiledVariant.h"
#include "schedule/Legality.h"
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace jvpgen;

static constexpr double kSeconds = 3;
static constexpr int kRegistersOfProcessor = 64 << 10;
static constexpr int kLongestHead = 128;

/// Processor time of this process: other programs on the machine do not count, NVRTC's own threads do.
static double processorSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

/// Shared memory that a block can have, in KiB (CUDA C++ Programming Guide, technical specifications).
static int sharedKib(const std::string &arch) {
  static const std::map<std::string, int> kib = {{"sm_80", 163}, {"sm_86", 99},   {"sm_89", 99},
                                                 {"sm_90", 227}, {"sm_100", 227}, {"sm_120", 99}};
  return kib.at(arch);
}

/// One compilation by a compiler that keeps nothing, and its processor time.
static Result<CompiledKernel> compileAfresh(const KernelBundle &bundle, const Launch &launch, const Target &target,
                                            double &seconds) {
  Result<NvrtcFiles> files = findNvrtc(Environment::ofProcess());
  if (!files) return tl::unexpected<Error>(files.error());
  Result<std::unique_ptr<KernelCompiler>> compiler = KernelCompiler::create(*files, {}, [](const std::string &) {});
  if (!compiler) return tl::unexpected<Error>(compiler.error());
  const double start = processorSeconds();
  Result<CompiledKernel> kernel = (*compiler)->compile(bundle, launch, launch.schedule, target);
  seconds = processorSeconds() - start;
  return kernel;
}

/// What a kernel becomes, with the schedule that it takes once ptxas has spoken, as compileVariant does.
static void expectCompiles(const KernelBundle &bundle, Launch launch, const Target &target) {
  SCOPED_TRACE(launch.kernel + " for " + target.arch);
  double seconds = 0;
  Result<CompiledKernel> kernel;
  int given_way = -1;
  for (const Schedule &schedule : schedulesToTry(launch, target)) {
    launch.schedule = schedule, ++given_way;
    kernel = compileAfresh(bundle, launch, target, seconds);
    for (int again = 0; again < 2 && kernel && seconds >= kSeconds; ++again) {
      double other = 0; // programs beside this one slow it down, by the caches that they share
      kernel = compileAfresh(bundle, launch, target, other);
      seconds = std::min(seconds, other);
    }
    ASSERT_TRUE(kernel) << kernel.error().text();
    EXPECT_LT(seconds, kSeconds);
    if (rejection(launch, *kernel).empty()) break;
  }
  EXPECT_FALSE(kernel->cached);
  EXPECT_LE(given_way, 1) << "registers are counted worse than that";
  EXPECT_EQ(kernel->spill_bytes, 0);
  EXPECT_TRUE(legal(launch.resources, launch.schedule, target));
  EXPECT_GT(kernel->registers, 0);
  EXPECT_LE(kernel->registers * 32 * launch.schedule.warps, kRegistersOfProcessor);
  EXPECT_LE(kernel->shared_bytes, 1024 * sharedKib(target.arch));
  std::printf("%-48s %-7s %3dx%-3d %d warps %4d registers %7d shared %5.2f s\n", launch.kernel.c_str(),
              target.arch.c_str(), launch.schedule.tile_m, launch.schedule.tile_n, launch.schedule.warps,
              kernel->registers, kernel->shared_bytes, seconds);
}

void jvpgen::expectDefaultKernels(const AttentionSpec &spec, const std::string &arch) {
  ASSERT_LE(std::max(spec.head_dim_qk, spec.head_dim_v), kLongestHead);
  std::vector<std::string> programs = programsOf(spec);
  Result<PlannedSpec> planned = PlannedSpec::create(spec, programs);
  ASSERT_TRUE(planned) << planned.error().text();
  Result<KernelBundle> bundle = planned->emit({.arch = arch});
  ASSERT_TRUE(bundle) << bundle.error().text();
  std::string last;
  size_t kernels = 0;
  for (const KernelVariant &variant : bundle->variants) {
    if (variant.program == last) continue; // the default comes first
    last = variant.program;
    for (const Launch &launch : variant.launches) expectCompiles(*bundle, launch, {.arch = arch});
    kernels += variant.launches.size();
  }
  EXPECT_GE(kernels, programs.size());
}

void jvpgen::expectReferences(const AttentionSpec &spec, const std::string &program, const std::string &arch) {
  Result<PlannedSpec> planned = PlannedSpec::create(spec, {program});
  ASSERT_TRUE(planned) << planned.error().text();
  Result<KernelBundle> bundle = planned->emit({.arch = arch});
  ASSERT_TRUE(bundle) << bundle.error().text();
  std::set<std::string> sources;
  for (const KernelVariant &reference : bundle->references) {
    const Launch &launch = reference.launches[0];
    if (!sources.insert(launch.source).second) continue;
    double seconds = 0;
    Result<CompiledKernel> kernel = compileAfresh(*bundle, launch, {.arch = arch}, seconds);
    ASSERT_TRUE(kernel) << kernel.error().text();
    EXPECT_LT(seconds, 2 * kSeconds) << launch.source;
    std::printf("%-48s %-7s %4d registers %5.2f s\n", launch.source.c_str(), arch.c_str(), kernel->registers, seconds);
  }
  EXPECT_GE(sources.size(), 2u);
}
