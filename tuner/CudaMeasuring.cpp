// Errors of the driver poison the process: after a fault no call to the GPU works any more.
#include "tuner/CudaMeasuring.h"

#include "runtime/abi/BundleFiles.h"
#include "tuner/Agreement.h"
#include "tuner/DeviceReference.h"
#include "tuner/Statistics.h"
#include "tuner/Workload.h"
#include <algorithm>
#include <chrono>
#include <thread>

using namespace jvpgen;
using namespace jvpgen::tuner;

/// A sample of a trial and of a final, in microseconds: long enough for events, short enough for many.
static constexpr double kTrialSample = 500, kFinalSample = 2000;

/// One sample decides against a candidate that is hopelessly slow this many times over.
static constexpr double kSurely = 2;

/// Memory that is lacking is told from everything else by the driver's name for it.
tl::unexpected<Failure> CudaMeasuring::broken(const Error &error) const {
  const bool memory = error.message.find("OUT_OF_MEMORY") != std::string::npos;
  const bool driver = error.message.find("CUDA_ERROR_") != std::string::npos;
  return failed(memory ? Outcome::OutOfMemory : Outcome::Faulted, error.message, driver && !memory);
}

Attempt<DeviceReport> CudaMeasuring::describe(int ordinal) {
  constexpr int kPciBus = 33, kPciDevice = 34, kPciDomain = 50; // CU_DEVICE_ATTRIBUTE_PCI_..._ID
  Result<DevicePointer> opened = machine.open(ordinal);
  if (!opened) return broken(opened.error());
  device = *opened;
  Result<Stream> made = Stream::create(device);
  if (!made) return broken(made.error());
  stream = std::move(*made);
  Driver::Device handle = 0;
  int domain = 0, bus = 0, slot = 0;
  device->driver.DeviceGet(&handle, ordinal);
  device->driver.DeviceGetAttribute(&domain, kPciDomain, handle);
  device->driver.DeviceGetAttribute(&bus, kPciBus, handle);
  device->driver.DeviceGetAttribute(&slot, kPciDevice, handle);
  nvml = Nvml::open(domain, bus, slot);
  const DeviceFacts &facts = device->facts;
  DeviceReport out;
  out.ordinal = ordinal;
  out.device.name = facts.name;
  out.device.arch = facts.target.arch;
  out.device.multiprocessors = facts.target.multiprocessors;
  out.device.memory_bytes = int64_t(facts.memory_bytes);
  out.device.shared_bytes_per_block = facts.target.shared_bytes_per_block;
  nvml.describe(out.device);
  out.driver = nvml.driverVersion();
  if (out.driver.empty()) out.driver = "CUDA " + device->driver.version();
  out.target = facts.target;
  device->driver.DeviceGetCount(&out.devices);
  return out;
}

Attempt<TimedRun> CudaMeasuring::prepared(const Runnable &runnable) const {
  Result<std::unique_ptr<Executable>> executable = load(runnable, bundle, device);
  if (!executable) return broken(executable.error());
  Result<TimedRun> run = TimedRun::create(std::move(*executable), problem, views, device);
  if (!run) return broken(run.error());
  return std::move(*run);
}

/// Inputs with numbers in them, and room for what this program and those before it write; nothing for other programs.
Result<void> CudaMeasuring::place(const OpenOrder &order) {
  const std::set<std::string> own = outputsOf(bundle, program);
  std::vector<std::string> programs = programsBefore(program);
  programs.push_back(program);
  std::set<std::string> needed;
  for (const KernelVariant &variant : bundle.variants)
    if (std::find(programs.begin(), programs.end(), variant.program) != programs.end())
      needed.merge(tensorsOf(bundle, variant));
  for (const TensorDeclaration &tensor : bundle.tensors) {
    if (!needed.contains(tensor.name)) continue;
    const TensorLayout layout = layoutOf(bundle, tensor, problem);
    Result<DeviceBuffer> buffer = DeviceBuffer::allocate(device, layout.bytes);
    if (!buffer) return tl::unexpected(buffer.error());
    views[tensor.name] = viewOf(tensor, layout, buffer->data());
    if (!tensor.is_output) {
      const std::vector<unsigned char> bytes = inputBytes(tensor, layout, problem, order.seed);
      Result<void> copied =
          buffer->copyFrom(bytes.data(), bytes.size(), *stream).and_then([&] { return stream->synchronize(); });
      if (!copied) return copied;
    }
    const bool isSum = tensor.indices.find_first_of("ij") == std::string::npos;
    if (own.contains(tensor.name))
      outputs.emplace(tensor.name, Output{*buffer, tensor.dtype, layout.features, isSum, {}});
    else
      inputs.push_back(*buffer);
  }
  return {};
}

/// All bits set is NaN in every float format: what a candidate leaves out is seen.
Result<void> CudaMeasuring::poison() const {
  for (const auto &[name, output] : outputs)
    if (Result<void> ok = output.buffer.fill(0xff, *stream); !ok) return ok;
  return {};
}

Result<void> CudaMeasuring::fetch(const Output &output, std::vector<unsigned char> &bytes) const {
  bytes.resize(output.buffer.size());
  return output.buffer.copyTo(bytes.data(), bytes.size(), *stream).and_then([&] { return stream->synchronize(); });
}

Attempt<OpenAnswer> CudaMeasuring::open(const OpenOrder &order) {
  standard.reset(), reference.reset(), outputs.clear(), inputs.clear(), views.clear();
  Result<KernelBundle> read = readBundle(order.bundle);
  if (!read) return broken(read.error());
  bundle = std::move(*read);
  problem = completed(bundle, order.problem);
  program = order.standard.program;
  if (Result<void> placed = place(order); !placed) return broken(placed.error());
  for (const Runnable &before : order.before) {
    Attempt<TimedRun> run = prepared(before);
    if (!run) return tl::unexpected(run.error());
    if (Result<void> ran = run->once(*stream); !ran) return broken(ran.error());
  }
  Result<std::unique_ptr<Reference>> opened = openReference(order, bundle, device);
  if (!opened) return broken(opened.error());
  reference = std::move(*opened);
  Attempt<TimedRun> run = prepared(order.standard);
  if (!run) return tl::unexpected(run.error());
  Attempt<double> error = reference->judge(run->program());
  if (!error) return tl::unexpected(error.error());
  Result<void> ran = poison().and_then([&] { return run->once(*stream); });
  for (auto &[name, output] : outputs)
    if (ran) ran = fetch(output, output.expected);
  if (ran) ran = run->calibrate(*stream, kTrialSample);
  if (!ran) return broken(ran.error());
  standard = std::move(*run);
  return OpenAnswer{*error, standard->estimateUs()};
}

/// The largest relative error: at the ragged shape against the reference, at the tuned one against the default.
Attempt<double> CudaMeasuring::verified(const TimedRun &run) {
  Attempt<double> error = reference->judge(run.program());
  if (!error) return error;
  if (Result<void> ran = poison().and_then([&] { return run.once(*stream); }); !ran) return broken(ran.error());
  const DType operands = views.at("q").dtype;
  std::vector<unsigned char> bytes;
  for (const auto &[name, output] : outputs) {
    if (Result<void> copied = fetch(output, bytes); !copied) return broken(copied.error());
    const Agreement found = compare(bytes, output.expected, output.type, output.features, operands, output.isSum);
    if (!found.complaint.empty()) return failed(Outcome::Wrong, "output '" + name + "': " + found.complaint);
  }
  return error;
}

/// Whether a second call writes the same bits.
Attempt<bool> CudaMeasuring::repeats(const TimedRun &run) {
  std::map<std::string, std::vector<unsigned char>> first;
  bool same = true;
  for (int call = 0; call < 2; ++call) {
    if (Result<void> ran = poison().and_then([&] { return run.once(*stream); }); !ran) return broken(ran.error());
    for (const auto &[name, output] : outputs) {
      std::vector<unsigned char> bytes;
      if (Result<void> copied = fetch(output, bytes); !copied) return broken(copied.error());
      if (call == 0)
        first[name] = std::move(bytes);
      else
        same &= first[name] == bytes;
    }
  }
  return same;
}

Attempt<void> CudaMeasuring::interleave(const TimedRun &run, const TrialOrder &order, TrialAnswer &answer) const {
  for (int round = 0; round < order.rounds; ++round) {
    Result<double> other = standard->time(*stream, standard->calls());
    if (!other) return broken(other.error());
    Result<double> own = run.time(*stream, run.calls());
    if (!own) return broken(own.error());
    answer.default_samples_us.push_back(*other);
    answer.samples_us.push_back(*own);
    const double ratio = median(answer.samples_us) / median(answer.default_samples_us);
    if (ratio > order.hopeless_ratio * (round == 0 ? kSurely : 1)) break;
  }
  return {};
}

/// Does `work` until no slowdown is seen around it; three times at most.
Attempt<void> CudaMeasuring::undisturbed(const std::function<Attempt<void>()> &work) const {
  constexpr int kMostTimes = 3;
  for (int time = 1;; ++time) {
    const std::string before = machine.slowdown(nvml);
    if (Attempt<void> done = work(); !done) return done;
    const std::string seen = before.empty() ? machine.slowdown(nvml) : before;
    if (seen.empty()) return {};
    if (time == kMostTimes) return failed(Outcome::Throttled, seen + ", in each of three trials");
    std::this_thread::sleep_for(machine.cooling);
  }
}

Attempt<TrialAnswer> CudaMeasuring::trial(const TrialOrder &order) {
  Attempt<TimedRun> run = prepared(order.candidate);
  if (!run) return tl::unexpected(run.error());
  Attempt<double> error = verified(*run);
  if (!error) return tl::unexpected(error.error());
  TrialAnswer out;
  out.relative_error = *error;
  out.workspace_bytes = run->workspaceBytes();
  const double hopeless = kSurely * order.hopeless_ratio * standard->estimateUs();
  if (Result<void> ready = run->calibrate(*stream, kTrialSample, hopeless); !ready) return broken(ready.error());
  Attempt<void> timed = undisturbed([&] {
    out.samples_us.clear(), out.default_samples_us.clear();
    return interleave(*run, order, out);
  });
  if (!timed) return tl::unexpected(timed.error());
  return out;
}

/// One call with nothing of its tensors in the L2 cache.
Attempt<double> CudaMeasuring::cold(const TimedRun &run) {
  constexpr int kL2Bytes = 38; // CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE
  if (!flushing) {
    Driver::Device handle = 0;
    int bytes = 0;
    device->driver.DeviceGet(&handle, device->facts.ordinal);
    device->driver.DeviceGetAttribute(&bytes, kL2Bytes, handle);
    Result<DeviceBuffer> buffer = DeviceBuffer::allocate(device, 2 * size_t(std::max(bytes, 1 << 24)));
    if (!buffer) return broken(buffer.error());
    flushing = std::move(*buffer);
  }
  Result<double> us = flushing->fill(0, *stream).and_then([&] { return run.time(*stream, 1); });
  if (!us) return broken(us.error());
  return *us;
}

Attempt<FinalAnswer> CudaMeasuring::final(const FinalOrder &order) {
  constexpr int kColdCalls = 7, kFewestRounds = 7, kMostRounds = 60;
  std::vector<TimedRun> made;
  std::vector<TimedRun *> runs = {&*standard};
  for (const Runnable &candidate : order.candidates) {
    Attempt<TimedRun> run = prepared(candidate);
    if (!run) return tl::unexpected(run.error());
    made.push_back(std::move(*run));
  }
  for (TimedRun &run : made) runs.push_back(&run);
  FinalAnswer out;
  double round_us = 0;
  for (TimedRun *run : runs) {
    if (Result<void> ready = run->calibrate(*stream, kFinalSample); !ready) return broken(ready.error());
    Attempt<bool> same = repeats(*run);
    if (!same) return tl::unexpected(same.error());
    out.entries.push_back({{}, {}, *same, run->workspaceBytes()});
    round_us += run->calls() * run->estimateUs();
  }
  const int rounds = std::clamp(int(order.seconds * 1e6 / std::max(round_us, 1.0)), kFewestRounds, kMostRounds);
  Attempt<void> timed = undisturbed([&]() -> Attempt<void> {
    for (FinalAnswer::Entry &entry : out.entries) entry.samples_us.clear(), entry.cold_us.clear();
    for (int round = 0; round < rounds; ++round)
      for (size_t k = 0; k < runs.size(); ++k) { // each round begins with another one
        const size_t turn = (k + size_t(round)) % runs.size();
        Result<double> us = runs[turn]->time(*stream, runs[turn]->calls());
        if (!us) return broken(us.error());
        out.entries[turn].samples_us.push_back(*us);
      }
    for (int call = 0; call < kColdCalls; ++call)
      for (size_t k = 0; k < runs.size(); ++k) {
        Attempt<double> us = cold(*runs[k]);
        if (!us) return tl::unexpected(us.error());
        out.entries[k].cold_us.push_back(*us);
      }
    return {};
  });
  if (!timed) return tl::unexpected(timed.error());
  return out;
}
