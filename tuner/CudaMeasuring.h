// Candidates on a real GPU: tensors in its memory, the default's outputs to compare with, graphs to time.
#ifndef JVPGEN_TUNER_CUDAMEASURING_H
#define JVPGEN_TUNER_CUDAMEASURING_H

#include "tuner/Nvml.h"
#include "tuner/Reference.h"
#include "tuner/TimedRun.h"
#include "tuner/Worker.h"
#include <chrono>
#include <functional>
#include <map>
#include <set>

namespace jvpgen::tuner {

/// Where CudaMeasuring measures; the machine itself unless a test knows another.
struct MeasuredMachine {
  std::function<Result<DevicePointer>(int ordinal)> open = [](int ordinal) { return Device::open(ordinal); };
  std::function<std::string(const Nvml &)> slowdown = [](const Nvml &nvml) { return nvml.slowdown(); };
  std::chrono::milliseconds cooling{1000}; ///< before a trial that was slowed down is repeated
};

class CudaMeasuring : public MeasuringDevice {
public:
  /// Every candidate is judged by what `openReference` makes before it is timed.
  explicit CudaMeasuring(OpenReference openReference, MeasuredMachine machine = {})
      : openReference(std::move(openReference)), machine(std::move(machine)) {}

  Attempt<DeviceReport> describe(int ordinal) override;
  Attempt<OpenAnswer> open(const OpenOrder &order) override;
  Attempt<TrialAnswer> trial(const TrialOrder &order) override;
  Attempt<FinalAnswer> final(const FinalOrder &order) override;

private:
  struct Output {
    DeviceBuffer buffer;
    DType type;
    int64_t features;
    bool isSum;                          ///< over all rows
    std::vector<unsigned char> expected; ///< what the default wrote
  };

  tl::unexpected<Failure> broken(const Error &error) const;
  Result<void> place(const OpenOrder &order);
  Result<void> poison() const;
  Result<void> fetch(const Output &output, std::vector<unsigned char> &bytes) const;
  Attempt<TimedRun> prepared(const Runnable &runnable) const;
  Attempt<double> verified(const TimedRun &run);
  Attempt<bool> repeats(const TimedRun &run);
  Attempt<void> interleave(const TimedRun &run, const TrialOrder &order, TrialAnswer &answer) const;
  Attempt<void> undisturbed(const std::function<Attempt<void>()> &work) const;
  Attempt<double> cold(const TimedRun &run);

  OpenReference openReference;
  MeasuredMachine machine;
  DevicePointer device;
  Nvml nvml;
  std::optional<Stream> stream;

  // Of the problem that is open.
  KernelBundle bundle;
  Problem problem;
  std::string program;
  TensorMap views;
  std::vector<DeviceBuffer> inputs;
  std::map<std::string, Output> outputs;
  std::optional<TimedRun> standard;
  std::unique_ptr<Reference> reference;
  std::optional<DeviceBuffer> flushing; ///< larger than the L2 cache
};

} // namespace jvpgen::tuner

#endif
