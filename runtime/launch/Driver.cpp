// libcuda.so.1 through cuGetProcAddress, which names the interface's version instead of symbols with suffixes.
#include "runtime/launch/Driver.h"

#include "runtime/jit/SharedLibrary.h"

using namespace jvpgen;

static constexpr int kInterface = 12000; // CUDA 12.0: the first with cuGetProcAddress_v2

namespace {
/// Looks functions up one after the other; the name of the first that is missing sticks.
class Binder {
public:
  using GetProcAddress = int (*)(const char *symbol, void **function, int version, uint64_t flags, int *status);
  explicit Binder(GetProcAddress get) : get(get) {}

  template <typename Function> void operator()(Function &function, const char *symbol) {
    void *address = nullptr;
    int code = get(symbol, &address, kInterface, 0, nullptr);
    if ((code || !address) && missing.empty()) missing = symbol;
    function = reinterpret_cast<Function>(address);
  }
  std::string missing;

private:
  GetProcAddress get;
};
} // namespace

static void bindAll(Driver &driver, Binder &bind) {
#define JVPGEN_BIND(name) bind(driver.name, "cu" #name)
  JVPGEN_BIND(Init);
  JVPGEN_BIND(DriverGetVersion);
  JVPGEN_BIND(GetErrorName);
  JVPGEN_BIND(GetErrorString);
  JVPGEN_BIND(DeviceGetCount);
  JVPGEN_BIND(DeviceGet);
  JVPGEN_BIND(DeviceGetName);
  JVPGEN_BIND(DeviceGetAttribute);
  JVPGEN_BIND(DeviceTotalMem);
  JVPGEN_BIND(DevicePrimaryCtxRetain);
  JVPGEN_BIND(DevicePrimaryCtxRelease);
  JVPGEN_BIND(CtxGetId);
  JVPGEN_BIND(CtxGetDevice);
  JVPGEN_BIND(CtxGetCurrent);
  JVPGEN_BIND(CtxPushCurrent);
  JVPGEN_BIND(CtxPopCurrent);
  JVPGEN_BIND(ModuleLoadData);
  JVPGEN_BIND(ModuleUnload);
  JVPGEN_BIND(ModuleGetFunction);
  JVPGEN_BIND(FuncSetAttribute);
  JVPGEN_BIND(LaunchKernel);
  JVPGEN_BIND(TensorMapEncodeTiled);
  JVPGEN_BIND(TensorMapReplaceAddress);
  JVPGEN_BIND(PointerGetAttributes);
  JVPGEN_BIND(MemAlloc);
  JVPGEN_BIND(MemFree);
  JVPGEN_BIND(MemcpyHtoDAsync);
  JVPGEN_BIND(MemcpyDtoHAsync);
  JVPGEN_BIND(MemsetD8Async);
  JVPGEN_BIND(StreamCreate);
  JVPGEN_BIND(StreamDestroy);
  JVPGEN_BIND(StreamSynchronize);
  JVPGEN_BIND(StreamBeginCapture);
  JVPGEN_BIND(StreamEndCapture);
  JVPGEN_BIND(GraphInstantiateWithFlags);
  JVPGEN_BIND(GraphLaunch);
  JVPGEN_BIND(GraphExecDestroy);
  JVPGEN_BIND(GraphDestroy);
  JVPGEN_BIND(EventCreate);
  JVPGEN_BIND(EventRecord);
  JVPGEN_BIND(EventSynchronize);
  JVPGEN_BIND(EventElapsedTime);
  JVPGEN_BIND(EventDestroy);
#undef JVPGEN_BIND
}

static Result<Driver> openDriver() {
  const std::string asked = "running on a GPU needs the CUDA driver: ";
  Result<SharedLibrary> library = SharedLibrary::open("libcuda.so.1");
  if (!library)
    return fail(ErrorKind::Environment,
                asked + "libcuda.so.1 is not on this machine; install NVIDIA's driver, or use the CPU");
  Binder::GetProcAddress get = nullptr;
  if (!library->bind(get, "cuGetProcAddress_v2"))
    return fail(ErrorKind::Environment, asked + "'" + library->path.string() +
                                            "' is older than CUDA 12.0; update NVIDIA's driver, or use the CPU");
  Driver driver = {};
  Binder bind(get);
  bindAll(driver, bind);
  if (!bind.missing.empty())
    return fail(ErrorKind::Environment, asked + "'" + library->path.string() + "' lacks " + bind.missing +
                                            "; update NVIDIA's driver, or use the CPU");
  if (Result<void> started = driver.check(driver.Init(0), "starting the CUDA driver"); !started)
    return tl::unexpected(started.error());
  return driver;
}

const Result<Driver> &Driver::ofProcess() {
  static const Result<Driver> driver = openDriver();
  return driver;
}

static const char *remedyFor(int code) {
  switch (code) {
  case 2: return "use smaller shapes, or free memory on the device";
  case 100: return "use the CPU, or a machine with a GPU";
  case 209: return "the kernel was compiled for another GPU: prepare it for this one";
  case 700:
  case 716: return "a kernel met a bad address: check pointers and strides; this process cannot use the GPU any more";
  default: return "see `jvpgen doctor`";
  }
}

Result<void> Driver::check(int code, const std::string &asked) const {
  if (code == 0) return {};
  const char *name = nullptr, *text = nullptr;
  GetErrorName(code, &name);
  GetErrorString(code, &text);
  return fail(ErrorKind::Environment, asked + " failed: " + (name ? name : "error " + std::to_string(code)) +
                                          (text ? " (" + std::string(text) + ")" : "") + "; " + remedyFor(code));
}

std::string Driver::version() const {
  int version = 0;
  DriverGetVersion(&version);
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}
