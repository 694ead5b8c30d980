// launch_overhead BUNDLE PROGRAM [BATCH HEADS QUERIES KEYS] [--no-gpu]: host time of launches with rotating pointers,
// from C++ and through the C interface, beside the same bare cuLaunchKernel calls; and the time in which the C
// interface prepares the program. With --no-gpu a driver that does nothing takes the GPU's place, and what is left is
// jvpgen's own time. Prints one JSON object.
#include "bench/overhead/InterfaceLaunches.h"
#include "runtime/abi/BundleFiles.h"
#include "runtime/launch/CudaExecutable.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <optional>
#include <string>

using namespace jvpgen;

namespace {
/// One cuLaunchKernel call as it was made.
struct BareCall {
  Driver::Function function;
  unsigned blocks, threads, shared_bytes;
  KernelParameter parameter;
};

/// Calls that went through `recordingLaunch`, while `recorded` is set.
std::vector<BareCall> *recorded = nullptr;
Driver real;

int recordingLaunch(Driver::Function function, unsigned x, unsigned, unsigned, unsigned threads, unsigned, unsigned,
                    unsigned shared, Driver::Stream stream, void **parameters, void **extra) {
  if (recorded) recorded->push_back({function, x, threads, shared, *static_cast<KernelParameter *>(parameters[0])});
  return real.LaunchKernel(function, x, 1, 1, threads, 1, 1, shared, stream, parameters, extra);
}

/// A driver that answers and does nothing.
Driver idleDriver() {
  Driver d = {};
  d.DeviceGetCount = [](int *count) { return *count = 1, 0; };
  d.DeviceGet = [](int *device, int ordinal) { return *device = ordinal, 0; };
  d.DeviceGetName = [](char *text, int, int) { return std::strcpy(text, "no GPU"), 0; };
  d.DeviceGetAttribute = [](int *value, int attribute, int) {
    return *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 97 ? 232448 : 132, 0;
  };
  d.DeviceTotalMem = [](size_t *bytes, int) { return *bytes = size_t(1) << 37, 0; };
  d.DevicePrimaryCtxRetain = [](Driver::Context *context, int) { return *context = nullptr, 0; };
  d.DevicePrimaryCtxRelease = [](int) { return 0; };
  d.CtxGetId = [](Driver::Context, unsigned long long *id) { return *id = 1, 0; };
  d.CtxGetCurrent = [](Driver::Context *context) { return *context = nullptr, 0; };
  d.ModuleLoadData = [](Driver::Module *, const void *) { return 0; };
  d.ModuleUnload = [](Driver::Module) { return 0; };
  d.ModuleGetFunction = [](Driver::Function *, Driver::Module, const char *) { return 0; };
  d.FuncSetAttribute = [](Driver::Function, int, int) { return 0; };
  d.LaunchKernel = [](Driver::Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                      Driver::Stream, void **, void **) { return 0; };
  d.TensorMapEncodeTiled = [](void *, int, uint32_t, void *, const uint64_t *, const uint64_t *, const uint32_t *,
                              const uint32_t *, int, int, int, int) { return 0; };
  d.TensorMapReplaceAddress = [](void *, void *) { return 0; };
  d.PointerGetAttributes = [](unsigned, int *, void **values, Driver::Address) {
    return *static_cast<unsigned *>(values[0]) = 2, *static_cast<int *>(values[1]) = 0, 0;
  };
  d.MemAlloc = [](Driver::Address *address, size_t) { return *address = Driver::Address(1) << 32, 0; };
  d.MemFree = [](Driver::Address) { return 0; };
  d.MemsetD8Async = [](Driver::Address, unsigned char, size_t, Driver::Stream) { return 0; };
  d.StreamCreate = [](Driver::Stream *stream, unsigned) { return *stream = nullptr, 0; };
  d.StreamDestroy = [](Driver::Stream) { return 0; };
  d.StreamSynchronize = [](Driver::Stream) { return 0; };
  return d;
}

struct Arguments {
  std::string bundle, program;
  Problem problem{.batch = 2, .heads = 4, .kv_heads = 4, .q_length = 128, .kv_length = 128};
  bool without_gpu = false;
};

double medianOf(std::vector<double> &values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

template <typename Call> double microseconds(Call &&call) {
  const auto begin = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}
} // namespace

/// A tensor that fits any declaration of the problem's shape: [batch, heads, length, features], contiguous.
static TensorView viewAt(const TensorDeclaration &tensor, const Problem &p, int64_t features, char *address) {
  const bool rows = tensor.indices.find_first_of("ij") != std::string::npos;
  const int64_t length = std::max(p.q_length, p.kv_length), width = rows ? features : 1;
  return {address, tensor.dtype, {p.heads * length * width, length * width, width, width}};
}

/// Tensors of launch number `turn`: each of 16 sets has addresses of its own.
static std::vector<TensorView> viewsOf(const CudaExecutable &executable, const Problem &problem, int64_t features,
                                       char *memory, size_t bytes, size_t turn) {
  std::vector<TensorView> out;
  for (const TensorDeclaration &tensor : executable.signature())
    out.push_back(
        viewAt(tensor, problem, features, memory + (turn * executable.signature().size() + out.size()) * bytes));
  return out;
}

/// The driver of the machine or the one in its place, with launches that can be recorded.
static Result<Driver> openDriver(bool without_gpu) {
  if (without_gpu)
    real = idleDriver();
  else if (const Result<Driver> &found = Driver::ofProcess())
    real = *found;
  else
    return tl::unexpected(found.error());
  Driver driver = real;
  driver.LaunchKernel = recordingLaunch;
  return driver;
}

namespace {
/// Launches with several sets of addresses, and the bare calls that they came to.
struct Rotation {
  static constexpr size_t kSets = 16;
  const CudaExecutable &executable;
  Problem problem;
  DeviceBuffer memory;
  size_t bytes; ///< from one tensor to the next
  void *workspace;
  Stream stream;
  std::vector<std::vector<TensorView>> views;
  std::vector<std::vector<BareCall>> bare;

  Result<void> launch(size_t k) const {
    return executable.launch(problem, views[k % kSets], workspace, stream.handle());
  }
  void launchBare(size_t k) {
    for (BareCall &call : bare[k % kSets]) {
      void *parameters[] = {&call.parameter};
      recordingLaunch(call.function, call.blocks, 1, 1, call.threads, 1, 1, call.shared_bytes,
                      static_cast<Driver::Stream>(stream.handle()), parameters, nullptr);
    }
  }
};
} // namespace

static Result<Rotation> makeRotation(const KernelBundle &bundle, const CudaExecutable &executable,
                                     const Problem &problem, DevicePointer device) {
  const int64_t features = std::max(bundle.head_dim_qk, bundle.head_dim_v);
  const size_t length = size_t(std::max(problem.q_length, problem.kv_length));
  const size_t rows = size_t(problem.batch * problem.heads) * length;
  const size_t bytes = (std::max(rows * size_t(features), length * length) * 4 + 255) / 256 * 256;
  const size_t of_tensors = Rotation::kSets * executable.signature().size() * bytes;
  Result<DeviceBuffer> memory = DeviceBuffer::allocate(device, of_tensors + executable.workspaceBytes(problem));
  if (!memory) return tl::unexpected(memory.error());
  Result<Stream> stream = Stream::create(device);
  if (!stream) return tl::unexpected(stream.error());
  if (Result<void> ok = memory->fill(0, *stream); !ok) return tl::unexpected(ok.error());
  char *const start = static_cast<char *>(memory->data());
  Rotation out{executable, problem, *memory, bytes, start + of_tensors, *stream, {}, {}};
  out.bare.resize(Rotation::kSets);
  for (size_t k = 0; k < Rotation::kSets; ++k) {
    out.views.push_back(viewsOf(executable, problem, features, start, bytes, k));
    recorded = &out.bare[k];
    Result<void> ok = out.launch(k);
    recorded = nullptr;
    if (!ok) return tl::unexpected(ok.error());
  }
  return out;
}

namespace {
/// Host times of one kind of launch; those of the kinds are taken in turns.
struct Series {
  std::function<Result<void>(size_t)> launch;
  std::vector<double> times = {};
};
} // namespace

/// In bursts that leave the driver's queue room.
static Result<void> timeAll(const Stream &stream, const std::vector<Series *> &all) {
  constexpr size_t kRounds = 200, kBurst = 32;
  for (size_t round = 0; round < kRounds; ++round)
    for (Series *series : all) {
      if (Result<void> ok = stream.synchronize(); !ok) return ok;
      Result<void> launched;
      for (size_t k = 0; k < kBurst && launched; ++k)
        series->times.push_back(microseconds([&] { launched = series->launch(k); }));
      if (!launched) return launched;
    }
  return stream.synchronize();
}

static Result<void> measure(const Arguments &given) {
  Result<KernelBundle> bundle = readBundle(given.bundle);
  if (!bundle) return tl::unexpected(bundle.error());
  Result<Driver> driver = openDriver(given.without_gpu);
  if (!driver) return tl::unexpected(driver.error());
  Result<DevicePointer> device = Device::open(*driver, 0);
  if (!device) return tl::unexpected(device.error());
  std::optional<InterfaceLaunches> interface;
  const auto [batch, heads, kv_heads, queries, keys, q_total, kv_total] = given.problem;
  Result<std::unique_ptr<CudaExecutable>> made = prepare(*bundle, given.program, "", std::nullopt, *device);
  if (!made) return tl::unexpected(made.error());
  Result<Rotation> rotation = makeRotation(*bundle, **made, given.problem, *device);
  if (!rotation) return tl::unexpected(rotation.error());
  if (!given.without_gpu)
    interface.emplace(InterfaceOptions{given.bundle, given.program, batch, heads, queries, keys,
                                       static_cast<char *>(rotation->memory.data()), rotation->bytes, Rotation::kSets,
                                       rotation->workspace, rotation->stream.handle()});
  Series own{[&](size_t k) { return rotation->launch(k); }};
  Series bare{[&](size_t k) { return rotation->launchBare(k), Result<void>(); }};
  Series through{[&](size_t k) { return interface->launch(k), Result<void>(); }};
  std::vector<Series *> all = {&own, &bare};
  if (interface) all.push_back(&through);
  Device::Scope scope(**device);
  if (Result<void> ok = timeAll(rotation->stream, all); !ok) return ok;
  const double alone = medianOf(bare.times), direct = medianOf(own.times);
  std::printf("{\"device\": \"%s\", \"program\": \"%s\", \"kernels\": %zu, \"tensors\": %zu, \"bare_us\": %.3f, "
              "\"launch_us\": %.3f, \"overhead_us\": %.3f",
              (*device)->facts.name.c_str(), given.program.c_str(), rotation->bare[0].size(),
              (*made)->signature().size(), alone, direct, direct - alone);
  if (interface) {
    const double call = medianOf(through.times);
    std::printf(", \"interface_us\": %.3f, \"interface_overhead_us\": %.3f, \"prepare_ms\": %.3f", call, call - alone,
                interface->prepareMilliseconds());
  }
  std::printf("}\n");
  return {};
}

int main(int count, char **texts) try {
  Arguments given;
  std::vector<std::string> words(texts + 1, texts + count);
  if (auto flag = std::find(words.begin(), words.end(), "--no-gpu"); flag != words.end()) {
    given.without_gpu = true;
    words.erase(flag);
  }
  if (words.size() != 2 && words.size() != 6) {
    std::fputs("launch_overhead BUNDLE PROGRAM [BATCH HEADS QUERIES KEYS] [--no-gpu]\n", stderr);
    return 2;
  }
  given.bundle = words[0], given.program = words[1];
  if (words.size() == 6) {
    Problem &p = given.problem;
    int64_t *sizes[] = {&p.batch, &p.heads, &p.q_length, &p.kv_length};
    for (size_t k = 0; k < 4; ++k) *sizes[k] = std::strtoll(words[k + 2].c_str(), nullptr, 10);
    p.kv_heads = p.heads;
  }
  given.problem.q_total = given.problem.q_length, given.problem.kv_total = given.problem.kv_length;
  Result<void> done = measure(given);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().text().c_str());
  return exitStatus(done.error().kind);
} catch (const std::exception &error) { // of the C interface
  std::fprintf(stderr, "%s\n", error.what());
  return 3;
}
