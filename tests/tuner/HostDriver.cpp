#include "tests/tuner/HostDriver.h"

#include "runtime/abi/Problem.h"
#include "runtime/launch/LaunchArguments.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

using namespace jvpgen;

/// Time of this thread alone: what else the machine does is not measured.
struct HostClock {
  using time_point = std::chrono::nanoseconds;
  static time_point now() {
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }
};

namespace {
constexpr int kOutOfMemory = 2, kIllegalAddress = 700;
constexpr size_t kLargest = size_t(64) << 20;

struct Code {
  std::string words;
  bool has(const char *word) const { return words.find(word) != words.npos; }
  double us() const {
    const size_t at = words.find("us=");
    return at == words.npos ? 0 : std::strtod(words.c_str() + at + 3, nullptr);
  }
};

struct Work {
  const Code *code;
  Problem problem;
  TensorParameter q, o;
};

bool broken = false, capturing = false;
std::vector<Work> *recorded = nullptr;

void runNow(const Work &work) {
  static int calls = 0;
  const auto start = HostClock::now();
  if (work.code->has("fault")) broken = true;
  const Problem &p = work.problem;
  const size_t count = size_t(p.batch * p.heads * p.q_length) * 16;
  const auto *q = static_cast<const float *>(work.q.data);
  auto *o = static_cast<float *>(work.o.data);
  ++calls;
  for (size_t k = 0; k < count && work.code->has("double"); ++k) static_cast<double *>(work.o.data)[k] = 2.0 * q[k];
  const bool isWrong = work.code->has("wrong") && (!work.code->has("large") || p.q_length == 128);
  const bool writesFloats = !work.code->has("lazy") && !work.code->has("double");
  for (size_t k = 0; k < count && writesFloats && !broken; ++k)
    o[k] = (isWrong ? 3 : 2) * q[k] * (work.code->has("unsteady") && calls % 2 ? 1 + 1e-6f : 1);
  while (std::chrono::duration<double, std::micro>(HostClock::now() - start).count() < work.code->us()) {
  }
}

int state() { return broken ? kIllegalAddress : 0; }
} // namespace

template <typename Handle> static Handle handleOf(void *pointer) { return static_cast<Handle>(pointer); }

static void fillQueries(Driver &d) {
  d.Init = [](unsigned) { return 0; };
  d.DriverGetVersion = [](int *version) { return *version = 13000, 0; };
  d.GetErrorName = [](int code, const char **text) {
    *text = code == kOutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_ILLEGAL_ADDRESS";
    return 0;
  };
  d.GetErrorString = [](int, const char **text) { return *text = "an error of the tests", 0; };
  d.DeviceGetCount = [](int *count) { return *count = 1, 0; };
  d.DeviceGet = [](int *device, int ordinal) { return *device = ordinal, 0; };
  d.DeviceGetName = [](char *text, int, int) { return std::strcpy(text, "Host"), 0; };
  d.DeviceGetAttribute = [](int *value, int attribute, int) {
    *value = attribute == 75 ? 8 : attribute == 76 ? 0 : 1 << 16; // compute capability 8.0
    return 0;
  };
  d.DeviceTotalMem = [](size_t *bytes, int) { return *bytes = size_t(1) << 30, 0; };
  d.DevicePrimaryCtxRetain = [](Driver::Context *context, int) {
    static char place;
    return *context = handleOf<Driver::Context>(static_cast<void *>(&place)), 0;
  };
  d.DevicePrimaryCtxRelease = [](int) { return 0; };
  d.CtxGetId = [](Driver::Context, unsigned long long *id) { return *id = 1, 0; };
  d.CtxGetCurrent = [](Driver::Context *context) { return *context = nullptr, 0; };
  d.CtxGetDevice = [](int *device) { return *device = 0, 0; };
  d.CtxPushCurrent = [](Driver::Context) { return 0; };
  d.CtxPopCurrent = [](Driver::Context *context) { return *context = nullptr, 0; };
  d.PointerGetAttributes = [](unsigned, int *, void **values, unsigned long long) {
    *static_cast<unsigned *>(values[0]) = 2, *static_cast<int *>(values[1]) = 0; // memory of this device
    return 0;
  };
}

static void fillMemory(Driver &d) {
  d.MemAlloc = [](Driver::Address *address, size_t bytes) {
    if (bytes > kLargest) return kOutOfMemory;
    *address = reinterpret_cast<Driver::Address>(std::malloc(bytes));
    return state();
  };
  d.MemFree = [](Driver::Address address) { return std::free(reinterpret_cast<void *>(address)), 0; };
  d.MemcpyHtoDAsync = [](Driver::Address to, const void *from, size_t bytes, Driver::Stream) {
    return std::memcpy(reinterpret_cast<void *>(to), from, bytes), state();
  };
  d.MemcpyDtoHAsync = [](void *to, Driver::Address from, size_t bytes, Driver::Stream) {
    return std::memcpy(to, reinterpret_cast<void *>(from), bytes), state();
  };
  d.MemsetD8Async = [](Driver::Address to, unsigned char value, size_t bytes, Driver::Stream) {
    return std::memset(reinterpret_cast<void *>(to), value, bytes), state();
  };
}

static void fillKernels(Driver &d) {
  d.ModuleLoadData = [](Driver::Module *module, const void *image) {
    auto *code = new Code{static_cast<const char *>(image)};
    return *module = handleOf<Driver::Module>(static_cast<void *>(code)), state();
  };
  d.ModuleUnload = [](Driver::Module module) { return delete reinterpret_cast<Code *>(module), 0; };
  d.ModuleGetFunction = [](Driver::Function *function, Driver::Module module, const char *) {
    return *function = reinterpret_cast<Driver::Function>(module), state();
  };
  d.FuncSetAttribute = [](Driver::Function, int, int) { return state(); };
  d.LaunchKernel = [](Driver::Function function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                      Driver::Stream, void **parameters, void **) {
    const auto *bytes = static_cast<const char *>(parameters[0]);
    Work work{reinterpret_cast<const Code *>(function), {}, {}, {}};
    std::memcpy(&work.problem, bytes, sizeof(Problem));
    std::memcpy(&work.q, bytes + sizeof(Problem), sizeof(TensorParameter));
    std::memcpy(&work.o, bytes + sizeof(Problem) + sizeof(TensorParameter), sizeof(TensorParameter));
    if (capturing)
      recorded->push_back(work);
    else
      runNow(work);
    return broken ? 0 : state(); // a fault shows when the stream is waited for
  };
}

static void fillStreams(Driver &d) {
  d.StreamCreate = [](Driver::Stream *stream, unsigned) {
    static char place;
    return *stream = handleOf<Driver::Stream>(static_cast<void *>(&place)), state();
  };
  d.StreamDestroy = [](Driver::Stream) { return 0; };
  d.StreamSynchronize = [](Driver::Stream) { return state(); };
  d.StreamBeginCapture = [](Driver::Stream, int) {
    capturing = true, recorded = new std::vector<Work>;
    return state();
  };
  d.StreamEndCapture = [](Driver::Stream, Driver::Graph *graph) {
    capturing = false;
    return *graph = reinterpret_cast<Driver::Graph>(recorded), state();
  };
  d.GraphInstantiateWithFlags = [](Driver::GraphExec *ready, Driver::Graph graph, unsigned long long) {
    *ready = reinterpret_cast<Driver::GraphExec>(new std::vector(*reinterpret_cast<std::vector<Work> *>(graph)));
    return state();
  };
  d.GraphLaunch = [](Driver::GraphExec ready, Driver::Stream) {
    for (const Work &work : *reinterpret_cast<std::vector<Work> *>(ready)) runNow(work);
    return state();
  };
  d.GraphExecDestroy = [](Driver::GraphExec ready) { return delete reinterpret_cast<std::vector<Work> *>(ready), 0; };
  d.GraphDestroy = [](Driver::Graph graph) { return delete reinterpret_cast<std::vector<Work> *>(graph), 0; };
  d.EventCreate = [](Driver::Event *event, unsigned) {
    return *event = reinterpret_cast<Driver::Event>(new HostClock::time_point), 0;
  };
  d.EventRecord = [](Driver::Event event, Driver::Stream) {
    return *reinterpret_cast<HostClock::time_point *>(event) = HostClock::now(), state();
  };
  d.EventSynchronize = [](Driver::Event) { return state(); };
  d.EventElapsedTime = [](float *ms, Driver::Event begin, Driver::Event end) {
    *ms = std::chrono::duration<float, std::milli>(*reinterpret_cast<HostClock::time_point *>(end) -
                                                   *reinterpret_cast<HostClock::time_point *>(begin))
              .count();
    return state();
  };
  d.EventDestroy = [](Driver::Event event) { return delete reinterpret_cast<HostClock::time_point *>(event), 0; };
}

const Driver &jvpgen::hostDriver() {
  static const Driver driver = [] {
    Driver out = {};
    fillQueries(out), fillMemory(out), fillKernels(out), fillStreams(out);
    return out;
  }();
  return driver;
}

void jvpgen::healHostDriver() { broken = false; }
