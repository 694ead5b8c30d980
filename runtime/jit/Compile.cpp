// One compilation: look in the cache, else call NVRTC and read what ptxas says of the kernel.
#include "runtime/jit/Compile.h"

#include "runtime/jit/MachineCode.h"
#include "schedule/Legality.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <thread>

using namespace jvpgen;

std::vector<KernelRequest> jvpgen::kernelRequests(const KernelVariant &variant) {
  std::vector<KernelRequest> out;
  for (const Launch &launch : variant.launches) out.push_back({&launch, launch.schedule});
  return out;
}

Result<std::unique_ptr<KernelCompiler>> KernelCompiler::create(const NvrtcFiles &files,
                                                               std::filesystem::path cache_folder,
                                                               CacheFolder::Warn warn, size_t cache_limit) {
  return std::unique_ptr<KernelCompiler>(
      new KernelCompiler([files] { return files; }, std::move(cache_folder), std::move(warn), cache_limit));
}

const Result<std::unique_ptr<KernelCompiler>> &KernelCompiler::ofProcess() {
  static const Result<std::unique_ptr<KernelCompiler>> compiler = []() -> Result<std::unique_ptr<KernelCompiler>> {
    Environment environment = Environment::ofProcess();
    auto warn = [](const std::string &message) { std::fprintf(stderr, "warning: %s\n", message.c_str()); };
    Result<size_t> limit = kernelCacheLimit(environment);
    if (!limit) warn(limit.error().message);
    return std::unique_ptr<KernelCompiler>(new KernelCompiler([environment] { return findNvrtc(environment); },
                                                              kernelCacheFolder(environment), warn,
                                                              limit.value_or(kCacheLimit)));
  }();
  return compiler;
}

Result<const NvrtcFiles *> KernelCompiler::nvrtcFiles() {
  std::lock_guard<std::mutex> lock(loading);
  if (!files) files.emplace(find());
  if (!*files) return tl::unexpected(files->error());
  return &**files;
}

Result<std::string> KernelCompiler::nvrtcIdentity() {
  Result<const NvrtcFiles *> found = nvrtcFiles();
  if (!found) return tl::unexpected(found.error());
  return (*found)->build_ids;
}

Result<const Nvrtc *> KernelCompiler::nvrtc() {
  Result<const NvrtcFiles *> found = nvrtcFiles();
  if (!found) return tl::unexpected(found.error());
  std::lock_guard<std::mutex> lock(loading);
  if (!loaded) loaded.emplace(Nvrtc::load(**found));
  if (!*loaded) return tl::unexpected(loaded->error());
  return &**loaded;
}

/// The number that stands before `unit` in the text, or -1.
static int numberBefore(std::string_view text, std::string_view unit) {
  size_t end = text.find(unit);
  if (end == std::string_view::npos) return -1;
  size_t begin = end;
  while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9') --begin;
  int value = -1;
  std::from_chars(text.data() + begin, text.data() + end, value);
  return value;
}

namespace {
/// What ptxas reports of one kernel.
struct ResourceUse {
  int registers = 0, spill_bytes = 0, static_shared_bytes = 0, serialised = 0;
};
} // namespace

/// Lines of `--ptxas-options=-v`: "Compiling entry function 'k' ...", "... bytes spill stores, ... bytes spill loads",
/// "Used 40 registers, ..., 1024 bytes smem", "(C7510) Potential Performance Loss: ...". Functions that were not
/// inlined have spill lines of their own.
static ResourceUse resourceUse(std::string_view log) {
  ResourceUse use;
  for (size_t begin = 0; begin < log.size();) {
    size_t end = std::min(log.find('\n', begin), log.size());
    std::string_view line = log.substr(begin, end - begin);
    begin = end + 1;
    use.spill_bytes +=
        std::max(0, std::max(numberBefore(line, " bytes spill stores"), numberBefore(line, " bytes spill loads")));
    use.registers = std::max(use.registers, numberBefore(line, " registers"));
    use.static_shared_bytes = std::max(use.static_shared_bytes, numberBefore(line, " bytes smem"));
    const size_t note = line.find("(C751");
    use.serialised += note != std::string_view::npos && note + 5 < line.size() && line[note + 5] != '9';
  }
  return use;
}

/// A cache entry: the four numbers in one line, then the machine code.
static std::string encode(const ResourceUse &use, std::string_view cubin) {
  return std::to_string(use.registers) + " " + std::to_string(use.spill_bytes) + " " +
         std::to_string(use.static_shared_bytes) + " " + std::to_string(use.serialised) + "\n" + std::string(cubin);
}

static bool decode(std::string_view payload, ResourceUse &use, std::string &cubin) {
  size_t end = payload.find('\n');
  if (end == std::string_view::npos) return false;
  const char *at = payload.data(), *last = at + end;
  for (int *field : {&use.registers, &use.spill_bytes, &use.static_shared_bytes, &use.serialised}) {
    auto [next, code] = std::from_chars(at, last, *field);
    if (code != std::errc()) return false;
    at = next + (next != last);
  }
  cubin = payload.substr(end + 1);
  return true;
}

/// Leaves loads where they stand, which takes fewer registers and costs a few percent of speed.
static const char *const kSparing = "--ptxas-options=-O1";

/// Machine code and what it needs, by the first of two ways; a kernel that spills is compiled the other way too, and
/// the one that spills less counts.
static Result<ResourceUse> compileText(const Nvrtc &compiler, const TranslationUnit &unit,
                                       const std::vector<std::string> &first, const std::vector<std::string> &second,
                                       std::string &cubin) {
  Result<CompiledText> text = compiler.compile(unit.source->name, unit.source->text, unit.headers, first);
  if (!text) return tl::unexpected(text.error());
  ResourceUse use = resourceUse(text->log);
  cubin = std::move(text->cubin);
  if (use.spill_bytes == 0) return use;
  text = compiler.compile(unit.source->name, unit.source->text, unit.headers, second);
  if (!text) return tl::unexpected(text.error());
  if (ResourceUse other = resourceUse(text->log); other.spill_bytes < use.spill_bytes && !other.serialised) {
    use = other;
    cubin = std::move(text->cubin);
  }
  return use;
}

std::vector<std::string> jvpgen::compilationOptions(const Launch &launch, const Schedule &schedule,
                                                    const Target &target) {
  std::vector<std::string> options = {"--gpu-architecture=" + target.arch, "--std=c++20", "--no-source-include",
                                      "-default-device", "--ptxas-options=-v"};
  for (std::string &definition : scheduleDefinitions(launch, schedule)) options.push_back(std::move(definition));
  return options;
}

Result<CompiledKernel> KernelCompiler::compile(const KernelBundle &bundle, const Launch &launch,
                                               const Schedule &schedule, const Target &target) {
  auto start = std::chrono::steady_clock::now();
  Result<TranslationUnit> unit = translationUnit(bundle, launch);
  if (!unit) return tl::unexpected(unit.error());
  Result<CompiledKernel> out;
  if (const MachineCode *code = findMachineCode(bundle, *unit, launch, schedule, target)) {
    out->cubin = code->cubin;
    out->ahead_of_time = true;
    out->registers = code->registers;
    out->spill_bytes = code->spill_bytes;
    out->serialised = code->serialised;
    out->shared_bytes = code->static_shared_bytes;
  } else if (out = compileOrRecall(*unit, launch, schedule, target); !out)
    return out;
  out->kernel = launch.kernel;
  out->dynamic_shared_bytes = sharedBytes(launch.resources, schedule);
  out->shared_bytes += out->dynamic_shared_bytes;
  out->compile_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return out;
}

/// The kernel but for what its launch adds: `shared_bytes` counts what is static.
Result<CompiledKernel> KernelCompiler::compileOrRecall(const TranslationUnit &unit, const Launch &launch,
                                                       const Schedule &schedule, const Target &target) {
  const std::vector<std::string> options = compilationOptions(launch, schedule, target);
  std::vector<std::string> sparing = options;
  sparing.push_back(kSparing);
  const bool is_sparing_first = isCrowded(launch.resources, schedule);
  std::vector<std::string> every = sparing;
  if (is_sparing_first) every.push_back("first"); // the order is part of what makes the machine code
  Result<const NvrtcFiles *> compiler_files = nvrtcFiles();
  if (!compiler_files) return tl::unexpected(compiler_files.error());
  Result<KernelCache::Answer> answer =
      cache.obtain(compilationKey(unit, every, (*compiler_files)->build_ids), [&]() -> Result<std::string> {
        Result<const Nvrtc *> compiler = nvrtc();
        if (!compiler) return tl::unexpected(compiler.error());
        std::string cubin;
        Result<ResourceUse> use = compileText(**compiler, unit, is_sparing_first ? sparing : options,
                                              is_sparing_first ? options : sparing, cubin);
        if (!use) return tl::unexpected(use.error());
        return encode(*use, cubin);
      });
  if (!answer) return tl::unexpected(answer.error());

  CompiledKernel out;
  out.cached = !answer->made;
  ResourceUse use;
  if (!decode(*answer->payload, use, out.cubin))
    return fail(ErrorKind::Environment, "kernel '" + launch.kernel +
                                            "' was asked of the kernel cache, which holds an entry of another form; "
                                            "remove the cache's folder, which `jvpgen doctor` names");
  out.registers = use.registers;
  out.spill_bytes = use.spill_bytes;
  out.serialised = use.serialised;
  out.shared_bytes = use.static_shared_bytes;
  return out;
}

Result<std::vector<CompiledKernel>> KernelCompiler::compileAll(const KernelBundle &bundle,
                                                               std::span<const KernelRequest> requests,
                                                               const Target &target, unsigned threads) {
  std::vector<std::optional<Result<CompiledKernel>>> results(requests.size());
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t k; (k = next++) < requests.size();)
      results[k].emplace(compile(bundle, *requests[k].launch, requests[k].schedule, target));
  };
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> pool;
  for (size_t k = 1; k < std::min<size_t>(threads, requests.size()); ++k) pool.emplace_back(work);
  work();
  for (std::thread &thread : pool) thread.join();

  std::vector<CompiledKernel> out;
  for (auto &result : results) {
    if (!*result) return tl::unexpected(result->error());
    out.push_back(std::move(**result));
  }
  return out;
}

Result<CompiledKernel> jvpgen::compileKernel(const KernelBundle &bundle, const Launch &launch, const Schedule &schedule,
                                             const Target &target) {
  const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
  if (!compiler) return tl::unexpected(compiler.error());
  return (*compiler)->compile(bundle, launch, schedule, target);
}
