// interface_checks: what docs/runtime.md guarantees of contexts, captures, threads and forks, on a real driver. One
// line a check; exits with 0, with 1 if one failed, with 77 where there is no GPU.
#include "jvpgen/jvpgen.hpp"
#include "jvpgen/jvpgen_compiler.h"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {
/// The driver by name, as an application would have it from cuda.h.
template <typename... Arguments> void driver(const char *name, Arguments... arguments) {
  static void *const library = dlopen("libcuda.so.1", RTLD_NOW);
  auto *function = reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name));
  if (!function) throw std::runtime_error(std::string("the driver lacks ") + name);
  if (int code = function(arguments...)) throw std::runtime_error(name + (" gives " + std::to_string(code)));
}

void must(bool holds, const std::string &what) {
  if (!holds) throw std::runtime_error(what);
}

/// The status of a call that is to fail, its words in a message that names the check.
template <typename Call> void mustRefuse(jvpgen_status status, const char *words, Call &&call) {
  try {
    call();
  } catch (const jvpgen::Error &error) {
    must(error.status == status && std::strstr(error.what(), words),
         "refused with " + std::to_string(error.status) + ": " + error.what());
    return;
  }
  must(false, std::string("was not refused with '") + words + "'");
}

jvpgen::Bundle compiled(const jvpgen::Device &device) {
  jvpgen_compile_options options = JVPGEN_INIT(jvpgen_compile_options);
  options.specification = "name = \"checked\"\n";
  options.arch = device.info().arch;
  options.programs = "forward";
  jvpgen_bundle *made = nullptr;
  jvpgen::check(jvpgen_compile(&options, &made));
  return jvpgen::Bundle(made);
}

/// q, k, v, o of one shape and lse, in memory of the context that is current: q, k, v hold ones, so that o does.
struct Tensors {
  explicit Tensors(int64_t length)
      : problem(jvpgen::problem(2, 4, length, length)), elements(size_t(2 * 4 * 64 * length)) {
    for (jvpgen::Tensor *tensor : {&q, &k, &v, &o}) {
      driver("cuMemAlloc_v2", &tensor->data, 2 * elements);
      tensor->shape = {2, 4, length, 64};
      driver("cuMemsetD16_v2", tensor->data, static_cast<unsigned short>(tensor == &o ? 0 : 0x3f80), elements);
    }
    driver("cuMemAlloc_v2", &lse.data, 4 * elements);
    lse.dtype = JVPGEN_F32;
    lse.shape = {2, 4, length};
    driver("cuMemAlloc_v2", &workspace, kWorkspace);
    driver("cuCtxSynchronize");
  }
  void launch(const jvpgen::Program &program, void *stream = nullptr) const {
    program.launch(problem, {{"q", &q}, {"k", &k}, {"v", &v}, {"o", &o}, {"lse", &lse}}, workspace, kWorkspace, stream);
  }
  /// Whether every element of o is 1 after all that was queued; it is 0 afterwards.
  bool areRight() const {
    std::vector<uint16_t> host(elements);
    driver("cuCtxSynchronize");
    driver("cuMemcpyDtoH_v2", static_cast<void *>(host.data()), o.data, 2 * elements);
    driver("cuMemsetD16_v2", o.data, static_cast<unsigned short>(0), elements);
    driver("cuCtxSynchronize");
    for (uint16_t x : host)
      if (x != 0x3f80) return false;
    return true;
  }
  static constexpr size_t kWorkspace = size_t(64) << 20;
  jvpgen_problem problem;
  size_t elements;
  jvpgen::Tensor q, k, v, o, lse;
  void *workspace = nullptr;
};

/// A program on the first GPU, ready for 300 queries and keys.
struct Checked {
  jvpgen::Device device{0};
  jvpgen::Bundle bundle = compiled(device);
  jvpgen::Program program{bundle, device, "forward"};
  Tensors tensors{300};
  Checked() { program.prepare({tensors.problem}); }
};
} // namespace

static void launches(Checked &checked) {
  checked.tensors.launch(checked.program);
  must(checked.tensors.areRight(), "o is not 1 where v is");
  jvpgen::Tensor host = checked.tensors.q;
  std::vector<uint16_t> memory(checked.tensors.elements);
  host.data = memory.data();
  const Tensors &t = checked.tensors;
  mustRefuse(JVPGEN_INVALID, "is not memory of that GPU", [&] {
    checked.program.launch(t.problem, {{"q", &host}, {"k", &t.k}, {"v", &t.v}, {"o", &t.o}, {"lse", &t.lse}},
                           t.workspace, Tensors::kWorkspace, nullptr);
  });
}

static void captures(Checked &checked) {
  void *stream = nullptr, *graph = nullptr, *ready = nullptr;
  driver("cuStreamCreate", &stream, 1u);
  driver("cuStreamBeginCapture_v2", stream, 0);
  const Tensors &t = checked.tensors;
  mustRefuse(JVPGEN_NOT_PREPARED, "was not prepared",
             [&] { checked.program.launch(jvpgen::problem(1, 1, 7, 7), nullptr, 0, nullptr, 0, stream); });
  t.launch(checked.program, stream);
  driver("cuStreamEndCapture", stream, &graph);
  driver("cuGraphInstantiateWithFlags", &ready, graph, 0ull);
  for (int round = 0; round < 2; ++round) {
    driver("cuGraphLaunch", ready, stream);
    must(t.areRight(), "the graph does not compute what was captured");
  }
}

static void threads(Checked &checked) {
  checked.program.prepare({});
  void *context = nullptr;
  driver("cuCtxGetCurrent", &context);
  std::vector<Tensors> tensors;
  for (int64_t length : {64, 100, 129, 1000}) tensors.emplace_back(length);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> pool;
  for (Tensors &own : tensors)
    pool.emplace_back([&] {
      try {
        void *stream = nullptr;
        driver("cuCtxSetCurrent", context);
        driver("cuStreamCreate", &stream, 1u);
        for (int k = 0; k < 200; ++k) own.launch(checked.program, stream);
        wrong += !own.areRight();
      } catch (const std::exception &error) {
        std::printf("  %s\n", error.what());
        ++wrong;
      }
    });
  for (std::thread &thread : pool) thread.join();
  must(wrong == 0, std::to_string(wrong) + " of 4 threads went wrong");
}

static void contextsOfTheCallers(Checked &) {
  void *context = nullptr, *popped = nullptr;
  driver("cuCtxCreate_v2", &context, 0u, 0);
  jvpgen_device *handle = nullptr;
  jvpgen::check(jvpgen_device_of_context(context, &handle));
  {
    jvpgen::Device device(handle);
    jvpgen::Program program(compiled(device), device, "forward");
    const Tensors tensors(300);
    program.prepare({tensors.problem});
    driver("cuCtxPopCurrent_v2", &popped);
    tensors.launch(program); // wherever the thread is
    driver("cuCtxPushCurrent_v2", context);
    must(tensors.areRight(), "o is not 1 in a context of the caller's");
    driver("cuCtxDestroy_v2", context);
    mustRefuse(JVPGEN_ENVIRONMENT, "was destroyed or reset", [&] { tensors.launch(program); });
  }
}

static void forks(Checked &checked) {
  const pid_t child = fork();
  if (child == 0) {
    int code = 1;
    try {
      mustRefuse(JVPGEN_ENVIRONMENT, "fork before the GPU", [&] { checked.tensors.launch(checked.program); });
      {
        jvpgen::Program gone(std::move(checked.program));
      }
      {
        jvpgen::Device gone(std::move(checked.device));
      }
      code = 0;
    } catch (const std::exception &error) {
      std::printf("  %s\n", error.what());
    }
    std::fflush(stdout);
    _exit(code);
  }
  int status = -1;
  must(waitpid(child, &status, 0) == child && status == 0, "the child was not refused, or died");
  checked.tensors.launch(checked.program);
  must(checked.tensors.areRight(), "the parent cannot launch any more");
}

static void resets(Checked &checked) {
  driver("cuDevicePrimaryCtxReset_v2", 0);
  mustRefuse(JVPGEN_ENVIRONMENT, "was destroyed or reset", [&] { checked.tensors.launch(checked.program); });
}

static void opensAgain(Checked &) {
  void *context = nullptr;
  driver("cuDevicePrimaryCtxRetain", &context, 0);
  driver("cuCtxSetCurrent", context);
  Checked again;
  again.tensors.launch(again.program);
  must(again.tensors.areRight(), "o is not 1 after a reset");
}

int main() {
  int32_t count = 0;
  if (jvpgen_device_count(&count) != JVPGEN_OK || count == 0) {
    std::printf("no GPU: %s\n", jvpgen_last_error());
    return 77;
  }
  const std::pair<const char *, void (*)(Checked &)> checks[] = {
      {"launches", launches},     {"captures", captures},
      {"threads", threads},       {"contexts of the caller's", contextsOfTheCallers},
      {"forks", forks},           {"resets", resets},
      {"opens again", opensAgain}};
  int failed = 0;
  try {
    void *context = nullptr;
    driver("cuDevicePrimaryCtxRetain", &context, 0);
    driver("cuCtxSetCurrent", context);
    Checked checked;
    for (const auto &[name, check] : checks) try {
        check(checked);
        std::printf("%-28s ok\n", name);
      } catch (const std::exception &error) {
        std::printf("%-28s FAILED: %s\n", name, error.what());
        ++failed;
      }
  } catch (const std::exception &error) {
    std::printf("%-28s FAILED: %s\n", "preparing", error.what());
    ++failed;
  }
  return failed != 0;
}
