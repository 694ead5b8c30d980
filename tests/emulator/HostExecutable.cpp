// Texts to shared libraries, and launches to runs of the machine.
#include "HostExecutable.h"

#include "Machine.h"
#include "runtime/jit/SharedLibrary.h"
#include "runtime/jit/TranslationUnit.h"
#include "runtime/launch/LaunchArguments.h"
#include "schedule/Legality.h"
#include "support/AtomicFile.h"
#include "support/Hash.h"

#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace jvpgen;
namespace fs = std::filesystem;

extern char **environ;

HostBuild jvpgen::hostBuild(fs::path folder) {
  HostBuild build;
  build.folder = std::move(folder);
#if __has_feature(address_sanitizer)
  build.options = {"-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"};
#endif
  return build;
}

/// Runs a program, its output going to a file.
static bool execute(const std::vector<std::string> &words, const fs::path &output) {
  std::vector<char *> arguments;
  for (const std::string &word : words) arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  int status = -1;
  if (posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ) == 0) waitpid(child, &status, 0);
  posix_spawn_file_actions_destroy(&actions);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// The library of one kernel; its name is the hash of all that it is made of.
static Result<fs::path> compileOnHost(const KernelBundle &bundle, const Launch &launch, const HostBuild &build) {
  Result<TranslationUnit> unit = translationUnit(bundle, launch);
  if (!unit) return tl::unexpected(unit.error());
  const fs::path primitives = fs::path(JVPGEN_SOURCE_DIR) / "tests/emulator";
  std::vector<std::string> words = {build.compiler,
                                    "-x",
                                    "c++",
                                    "-std=c++20",
                                    "-shared",
                                    "-fPIC",
                                    "-w",
                                    "-ffp-contract=off",
                                    "-fno-strict-aliasing",
                                    "-fvisibility=hidden", // two kernels' functions of one name stay apart
                                    "-DJVPGEN_HOST",
                                    "-I",
                                    primitives.string()};
  for (const std::string &option : build.options) words.push_back(option);
  for (const std::string &definition : scheduleDefinitions(launch, launch.schedule)) words.push_back(definition);
  std::string headers;
  for (const char *name : {"host_primitives.h", "host_hopper_primitives.h", "HostMachine.h"}) {
    Result<std::string> text = readFile(primitives / name);
    if (!text) return tl::unexpected(text.error());
    headers += *text;
  }
  std::string key = compilationKey(*unit, words, sha256(headers));
  fs::path folder = build.folder / key.substr(0, 32), library = folder / "kernel.so";
  std::error_code failed;
  if (fs::exists(library, failed)) return library;

  fs::create_directories(folder, failed);
  for (const SourceFile *header : unit->headers)
    if (Result<void> written = writeFile(folder / header->name, header->text); !written)
      return tl::unexpected(written.error());
  fs::path source = folder / unit->source->name;
  if (Result<void> written = writeFile(source, unit->source->text); !written) return tl::unexpected(written.error());
  fs::path aside = folder / ("kernel." + std::to_string(getpid()) + ".so"), log = aside.string() + ".log";
  for (const std::string &word : {source.string(), std::string("-o"), aside.string()}) words.push_back(word);
  if (!execute(words, log)) {
    Result<std::string> output = readFile(log);
    return fail(ErrorKind::Invalid,
                "compiling '" + source.string() + "' for the host failed: " + (output ? output->substr(0, 4000) : ""));
  }
  fs::rename(aside, library, failed);
  fs::remove(log, failed);
  return library;
}

namespace {
class HostExecutable final : public Executable {
public:
  HostExecutable(LaunchArguments arguments, bool eager_copies) : arguments(std::move(arguments)) {
    machine.eager_copies = eager_copies;
  }

  Result<void> load(const Launch &launch, const fs::path &library);
  size_t workspaceBytes(const Problem &problem) const override { return arguments.workspaceBytes(problem); }
  Result<void> launch(const Problem &problem, const TensorMap &tensors, void *workspace, void *stream) const override;

private:
  struct Kernel {
    std::string name;
    void (*function)(KernelParameter);
    int threads;
    uint32_t shared_bytes;
  };
  LaunchArguments arguments;
  std::vector<Kernel> kernels;
  mutable Machine machine;
  std::vector<void (*)(HostMachine *)> attach;
};
} // namespace

Result<void> HostExecutable::load(const Launch &launch, const fs::path &path) {
  Result<SharedLibrary> library = SharedLibrary::open(path);
  if (!library) return tl::unexpected(library.error());
  Kernel kernel = {launch.kernel, nullptr, 32 * launch.schedule.warps,
                   uint32_t(sharedBytes(launch.resources, launch.schedule))};
  void (*attachment)(HostMachine *) = nullptr;
  Result<void> bound = library->bind(kernel.function, launch.kernel.c_str()).and_then([&] {
    return library->bind(attachment, "attach_host_machine");
  });
  kernels.push_back(kernel);
  attach.push_back(attachment);
  return bound;
}

/// The kernel takes a struct with fewer tensors than KernelParameter has. By value both are copied to the same place of
/// the stack (System V ABI: structs of more than 16 bytes), and the kernel looks at the beginning only.
__attribute__((no_sanitize("function"))) static void call(void (*function)(KernelParameter),
                                                          const KernelParameter &parameter) {
  function(parameter);
}

Result<void> HostExecutable::launch(const Problem &problem, const TensorMap &tensors, void *workspace,
                                    void *stream) const {
  std::vector<TensorView> views(arguments.signature().size());
  if (Result<void> ok = arguments.resolve(tensors, views); !ok) return ok;
  if (Result<void> ok = arguments.check(problem, views, workspace); !ok) return ok;
  for (size_t k = 0; k < kernels.size(); ++k) {
    const Kernel &kernel = kernels[k];
    KernelParameter parameter = {};
    arguments.pack(k, problem, views, workspace, parameter);
    if (const int64_t at = arguments.counterAt(k, problem); at >= 0)
      std::memset(parameter.tensors[size_t(at)].data, 0, sizeof(int32_t));
    for (size_t m = 0; m < arguments.mapCount(k); ++m) { // the emulator reads the facts themselves
      const TensorMapFacts facts = arguments.map(k, m, problem, views);
      std::memcpy(&parameter.maps(arguments.tensorCount(k))[m], &facts, sizeof facts);
    }
    attach[k](&machine);
    Result<void> ok = machine.run(kernel.name, arguments.blocks(k, problem), kernel.threads, kernel.shared_bytes,
                                  [&] { call(kernel.function, parameter); });
    if (!ok) return ok;
  }
  return {};
}

Result<std::unique_ptr<Executable>> jvpgen::prepareOnHost(const KernelBundle &bundle, const KernelVariant &variant,
                                                          const HostBuild &build) {
  Result<LaunchArguments> arguments = LaunchArguments::create(bundle, variant, build.multiprocessors);
  if (!arguments) return tl::unexpected(arguments.error());
  auto out = std::make_unique<HostExecutable>(std::move(*arguments), build.eager_copies);
  std::vector<Result<fs::path>> libraries(variant.launches.size());
  std::vector<std::thread> pool;
  for (size_t k = 0; k < libraries.size(); ++k)
    pool.emplace_back([&, k] { libraries[k] = compileOnHost(bundle, variant.launches[k], build); });
  for (std::thread &thread : pool) thread.join();
  for (size_t k = 0; k < libraries.size(); ++k) {
    if (!libraries[k]) return tl::unexpected(libraries[k].error());
    if (Result<void> ok = out->load(variant.launches[k], *libraries[k]); !ok) return tl::unexpected(ok.error());
  }
  return out;
}
