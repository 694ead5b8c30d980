// Candidates on a real GPU: tensors in its memory, the default's outputs to compare with, graphs to time.
#ifndef JVPGEN_TUNER_CUDAMEASURING_H
#define JVPGEN_TUNER_CUDAMEASURING_H

#include "tuner/Nvml.h"
#include "tuner/Reference.h"
#include "tuner/TimedRun.h"
#include "tuner/Worker.h"
#include <map>
#include <set>

namespace jvpgen::tuner {

class CudaMeasuring : public MeasuringDevice {
public:
  using OpenDevice = std::function<Result<DevicePointer>(int ordinal)>;

  /// Every candidate is judged by what `openReference` makes before it is timed. GPUs are the process's own unless
  /// `openDevice` knows others.
  explicit CudaMeasuring(
      OpenReference openReference, OpenDevice openDevice = [](int ordinal) { return Device::open(ordinal); })
      : openReference(std::move(openReference)), openDevice(std::move(openDevice)) {}

  Attempt<DeviceReport> describe(int ordinal) override;
  Attempt<OpenAnswer> open(const OpenOrder &order) override;
  Attempt<TrialAnswer> trial(const TrialOrder &order) override;
  Attempt<FinalAnswer> final(const FinalOrder &order) override;

private:
  struct Output {
    DeviceBuffer buffer;
    DType type;
    int64_t features;
    std::vector<unsigned char> expected; ///< what the default wrote
  };

  tl::unexpected<Failure> broken(const Error &error) const;
  Result<void> place(const OpenOrder &order);
  Result<void> poison() const;
  Result<void> fetch(const Output &output, std::vector<unsigned char> &bytes) const;
  Result<std::unique_ptr<Executable>> loaded(const Runnable &runnable) const;
  Attempt<TimedRun> prepared(const Runnable &runnable) const;
  Attempt<double> verified(const TimedRun &run);
  Attempt<bool> repeats(const TimedRun &run);
  Attempt<void> interleave(const TimedRun &run, const TrialOrder &order, TrialAnswer &answer) const;
  Attempt<double> cold(const TimedRun &run);

  OpenReference openReference;
  OpenDevice openDevice;
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
