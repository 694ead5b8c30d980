// Each fact is found in the way in which the rest of the runtime finds it.
#include "runtime/launch/Doctor.h"

#include "runtime/jit/CacheFolder.h"
#include "runtime/jit/Nvrtc.h"
#include "runtime/launch/Ceiling.h"

using namespace jvpgen;

static void examineDriver(DoctorFacts &facts) {
  const Result<Driver> &driver = Driver::ofProcess();
  if (!driver) {
    facts.driver_problem = driver.error().message;
    return;
  }
  facts.driver_version = driver->version();
  Result<std::vector<DeviceFacts>> gpus = listDevices(*driver);
  if (!gpus)
    facts.driver_problem = gpus.error().message;
  else if (gpus->empty())
    facts.driver_problem = "the CUDA driver shows no GPU to this process; see CUDA_VISIBLE_DEVICES";
  else
    facts.gpus = std::move(*gpus);
}

static void examineNvrtc(DoctorFacts &facts, const Environment &environment) {
  Result<NvrtcFiles> files = findNvrtc(environment);
  if (!files) {
    facts.nvrtc_problem = files.error().message;
    return;
  }
  facts.nvrtc_library = files->library;
  facts.nvrtc_builtins = files->builtins;
  facts.nvrtc_build_ids = files->build_ids;
  Result<Nvrtc> nvrtc = Nvrtc::load(*files);
  if (!nvrtc) {
    facts.nvrtc_problem = nvrtc.error().message;
    return;
  }
  facts.nvrtc_version = nvrtc->version();
  const std::string probe =
      "extern \"C\" __global__ void probe(float *x) { x[threadIdx.x] = sqrtf(x[threadIdx.x]); }\n";
  if (Result<CompiledText> text = nvrtc->compile("probe.cu", probe, {}, {"--gpu-architecture=sm_80"}); !text)
    facts.nvrtc_problem = text.error().message;
}

static void examineCache(DoctorFacts &facts, const Environment &environment) {
  Result<size_t> limit = kernelCacheLimit(environment);
  if (!limit) facts.cache_problem = limit.error().message;
  CacheFolder cache(kernelCacheFolder(environment), nullptr, limit.value_or(kCacheLimit));
  facts.cache_folder = cache.path;
  facts.cache_limit = cache.limit;
  if (Result<void> usable = cache.usable(); !usable) {
    facts.cache_problem = usable.error().message;
    return;
  }
  CacheFolder::Contents contents = cache.contents();
  facts.cache_entries = contents.entries;
  facts.cache_bytes = contents.bytes;
}

DoctorFacts jvpgen::examine(const Environment &environment) {
  DoctorFacts facts;
  examineDriver(facts);
  examineNvrtc(facts, environment);
  examineCache(facts, environment);
  facts.cublas_library = findCublas(environment);
  return facts;
}
