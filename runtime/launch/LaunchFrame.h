// A launch laid out once for a shape and strides; what changes from call to call are addresses.
#ifndef JVPGEN_RUNTIME_LAUNCH_LAUNCHFRAME_H
#define JVPGEN_RUNTIME_LAUNCH_LAUNCHFRAME_H

#include "runtime/launch/Driver.h"
#include "runtime/launch/LaunchArguments.h"
#include <atomic>
#include <memory>
#include <span>
#include <vector>

namespace jvpgen {

/// The parameters of all kernels of a variant. All memory is taken when the frame is made.
class LaunchFrame {
public:
  explicit LaunchFrame(const LaunchArguments &arguments);

  /// Whether it was laid out for this problem and these types and strides.
  bool isFor(const Problem &problem, std::span<const TensorView> views) const;

  /// Checks everything and fills the parameters; the maps are encoded by the driver.
  Result<void> layOut(const Driver &driver, const Problem &problem, std::span<const TensorView> views, void *workspace);

  /// Puts other addresses in; false where one is not what kernels rely on, which `layOut` puts in words. The frame is
  /// for these views.
  bool replace(const Driver &driver, std::span<const TensorView> views, void *workspace);

  int64_t blocks(size_t launch) const { return calls[launch].blocks; }
  void *parameter(size_t launch) { return calls[launch].parameter; }
  /// The integer that has to be 0 when the launch begins; null: there is none.
  void *counter(size_t launch) const {
    const Call &call = calls[launch];
    return call.counter < 0 ? nullptr : call.parameter->tensors[size_t(call.counter)].data;
  }

private:
  struct Call {
    int64_t blocks = 0, counter = -1;
    KernelParameter *parameter = nullptr; ///< in `storage`, as far as the call's parameter goes
    std::vector<size_t> buffer_offsets;   ///< for each place that holds a buffer: where in the workspace
  };
  Result<void> encodeMaps(const Driver &driver, std::span<const TensorView> views);

  const LaunchArguments &arguments;
  Problem problem;
  bool is_laid_out = false, needs_workspace = false;
  std::vector<TensorView> views; ///< as last put in
  std::vector<size_t> alignment; ///< of each tensor that the variant uses, less 1
  std::vector<bool> may_be_null; ///< tensors that hold nothing, or that the variant does not use
  std::vector<TensorMapBytes> storage;
  std::vector<Call> calls;
  std::vector<bool> has_moved; ///< scratch of `replace`
};

/// A few frames of one variant, each lent to one thread at a time: as many shapes stay laid out.
class LaunchFrames {
  struct Slot;

public:
  static constexpr size_t kFrames = 8;
  explicit LaunchFrames(const LaunchArguments &arguments);
  ~LaunchFrames();

  /// The frame is the holder's own until this goes.
  class Loan {
  public:
    ~Loan();
    Loan(const Loan &) = delete;
    Loan &operator=(const Loan &) = delete;
    LaunchFrame *operator->() const;

  private:
    friend class LaunchFrames;
    explicit Loan(Slot *slot) : slot(slot) {}
    Slot *slot;
  };

  /// One that is laid out for these views, else the one that was not asked for the longest. Waits while all are lent.
  Loan lend(const Problem &problem, std::span<const TensorView> views);

private:
  std::vector<std::unique_ptr<Slot>> slots;
  std::atomic<size_t> latest = 0;
  std::atomic<uint64_t> clock = 0;
};

} // namespace jvpgen

#endif
