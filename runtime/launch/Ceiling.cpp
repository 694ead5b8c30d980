// cuBLAS by its C interface, and a loop of events.
#include "runtime/launch/Ceiling.h"

#include "runtime/jit/SharedLibrary.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

using namespace jvpgen;
namespace fs = std::filesystem;

fs::path jvpgen::findCublas(const Environment &environment) {
  return findLibrary(cudaLibraryFolders(environment), {"libcublas.so.13", "libcublas.so.12"});
}

/// libcublas loads libcublasLt of the same release; opened first by its full path it is found wherever it lies.
static Result<SharedLibrary> openCublas(const Environment &environment) {
  fs::path path = findCublas(environment);
  if (path.empty())
    return fail(ErrorKind::Environment,
                "measuring the ceiling needs cuBLAS, and no libcublas.so.13 or .12 is in any library folder; "
                "install one, for example with `pip install nvidia-cublas`");
  std::string sibling = "libcublasLt" + path.filename().string().substr(std::strlen("libcublas"));
  if (std::error_code ignored; fs::exists(path.parent_path() / sibling, ignored))
    if (Result<SharedLibrary> opened = SharedLibrary::open(path.parent_path() / sibling); !opened) return opened;
  return SharedLibrary::open(path);
}

static uint16_t roundToBf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// Normal numbers; a prime count of them, so that repeating them fills a matrix without equal rows.
static std::vector<uint16_t> normalNumbers() {
  constexpr size_t kCount = 4194301;
  std::mt19937_64 generator(20);
  std::normal_distribution<float> normal;
  std::vector<uint16_t> out(kCount);
  for (uint16_t &x : out) x = roundToBf16(normal(generator));
  return out;
}

static Result<DeviceBuffer> normalMatrix(const DevicePointer &device, const std::vector<uint16_t> &numbers,
                                         const Stream &stream) {
  constexpr size_t kElements = size_t(Ceiling::kSize) * Ceiling::kSize;
  std::vector<uint16_t> host(kElements);
  for (size_t k = 0; k < kElements; k += numbers.size())
    std::copy_n(numbers.begin(), std::min(numbers.size(), kElements - k), host.begin() + ptrdiff_t(k));
  Result<DeviceBuffer> out = DeviceBuffer::allocate(device, 2 * kElements);
  if (!out) return out;
  Result<void> copied =
      out->copyFrom(host.data(), 2 * kElements, stream).and_then([&] { return stream.synchronize(); });
  if (!copied) return tl::unexpected(copied.error());
  return out;
}

static Result<void> checkCublas(int code) {
  if (code == 0) return {};
  return fail(ErrorKind::Environment, "a matrix product by cuBLAS failed with status " + std::to_string(code) +
                                          "; measure without a ceiling, or install the cuBLAS of the driver's release");
}

Result<Ceiling> Ceiling::create(DevicePointer device, const Environment &environment) {
  Result<SharedLibrary> library = openCublas(environment);
  if (!library) return tl::unexpected(library.error());
  Functions call = {};
  Result<void> bound = library->bind(call.create, "cublasCreate_v2")
                           .and_then([&] { return library->bind(call.destroy, "cublasDestroy_v2"); })
                           .and_then([&] { return library->bind(call.setStream, "cublasSetStream_v2"); })
                           .and_then([&] { return library->bind(call.gemm, "cublasGemmEx"); });
  if (!bound) return tl::unexpected(bound.error());

  Device::Scope scope(*device);
  Handle raw = nullptr;
  if (Result<void> ok = checkCublas(call.create(&raw)); !ok) return tl::unexpected(ok.error());
  std::shared_ptr<CublasTag> handle(raw, [device, call](Handle h) {
    Device::Scope scope(*device);
    call.destroy(h);
  });
  Result<Stream> stream = Stream::create(device);
  if (!stream) return tl::unexpected(stream.error());
  std::vector<uint16_t> numbers = normalNumbers();
  Result<DeviceBuffer> a = normalMatrix(device, numbers, *stream);
  std::reverse(numbers.begin(), numbers.end());
  Result<DeviceBuffer> b = a ? normalMatrix(device, numbers, *stream) : a;
  Result<DeviceBuffer> c = b ? DeviceBuffer::allocate(device, 2 * size_t(kSize) * kSize) : b;
  if (!c) return tl::unexpected(c.error());
  return Ceiling(std::move(device), call, std::move(handle), *a, *b, *c);
}

Result<void> Ceiling::launch(const Stream &stream) const {
  constexpr int kTranspose = 1, kPlain = 0, kBf16 = 14, kComputeFloat32 = 68,
                kDefault = -1; // cublas_api.h, library_types.h
  Device::Scope scope(*device);
  float one = 1, zero = 0;
  return checkCublas(call.setStream(handle.get(), stream.handle())).and_then([&] {
    return checkCublas(call.gemm(handle.get(), kTranspose, kPlain, kSize, kSize, kSize, &one, a.data(), kBf16, kSize,
                                 b.data(), kBf16, kSize, &zero, c.data(), kBf16, kSize, kComputeFloat32, kDefault));
  });
}

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

namespace {
/// One of those that take turns: calls that follow one another, between two events.
class Burst {
public:
  static Result<Burst> create(const DevicePointer &device, std::function<Result<void>(const Stream &)> call) {
    Result<Event> begin = Event::create(device), end = Event::create(device);
    if (!begin || !end) return tl::unexpected(begin ? end.error() : begin.error());
    return Burst(std::move(call), std::move(*begin), std::move(*end));
  }

  /// Milliseconds of one call.
  Result<double> measure(const Stream &stream) const {
    Result<void> queued = begin.record(stream);
    for (int k = 0; queued && k < calls; ++k) queued = call(stream);
    if (queued) queued = end.record(stream);
    if (!queued) return tl::unexpected(queued.error());
    return Event::milliseconds(begin, end).map([&](double ms) { return ms / calls; });
  }

  /// As many calls from now on as take so long if each takes `call_ms`.
  void lastFor(double burst_ms, double call_ms) {
    constexpr double kMostCalls = 2000;
    calls = int(std::clamp(std::ceil(burst_ms / std::max(call_ms, 1e-3)), 1.0, kMostCalls));
  }

private:
  Burst(std::function<Result<void>(const Stream &)> call, Event begin, Event end)
      : call(std::move(call)), begin(std::move(begin)), end(std::move(end)) {}
  std::function<Result<void>(const Stream &)> call;
  Event begin, end;
  int calls = 1;
};
} // namespace

Result<InterleavedTimes> jvpgen::measureCeiling(DevicePointer device, const Ceiling *ceiling, const Turns &turns,
                                                const std::function<Result<void>(const Stream &)> &work) {
  constexpr int kSingleCalls = 2, kWarmUp = 3; // what a call takes is known after the second; a burst warms up besides
  Result<Stream> stream = Stream::create(device);
  if (!stream) return tl::unexpected(stream.error());
  Result<Burst> own = Burst::create(device, work);
  Result<Burst> other = Burst::create(device, [ceiling](const Stream &on) { return ceiling->launch(on); });
  if (!own || !other) return tl::unexpected(own ? other.error() : own.error());
  std::vector<double> work_ms, ceiling_ms;
  for (int round = 0; round < kWarmUp + std::max(1, turns.rounds); ++round) {
    Result<double> first = ceiling ? other->measure(*stream) : Result<double>(0);
    Result<double> second = first ? own->measure(*stream) : first;
    if (!second) return tl::unexpected(second.error());
    if (round + 1 == kSingleCalls) other->lastFor(turns.burst_ms, *first), own->lastFor(turns.burst_ms, *second);
    if (round < kWarmUp) continue;
    ceiling_ms.push_back(*first);
    work_ms.push_back(*second);
  }
  InterleavedTimes out;
  out.work_ms = median(work_ms);
  if (ceiling) {
    double size = Ceiling::kSize;
    out.ceiling_tflops = 2 * size * size * size / (median(ceiling_ms) * 1e9); // 2 n^3 operations
  }
  return out;
}
