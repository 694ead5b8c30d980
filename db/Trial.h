// One measurement of a schedule, or the reason why there is none, with everything needed to judge it elsewhere.
#ifndef JVPGEN_DB_TRIAL_H
#define JVPGEN_DB_TRIAL_H

#include "runtime/abi/Problem.h"
#include "schedule/Schedule.h"
#include "support/Result.h"
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace jvpgen {

/// What was to be computed. Two specifications that differ in their names alone are the same problem.
struct TrialProblem {
  std::string specification; ///< KernelBundle::digest
  std::string program;       ///< forward, tangent_forward, backward, tangent_backward
  Problem shape;
  bool operator==(const TrialProblem &) const = default;
};

/// The GPU. Numbers that could not be had are 0.
struct TrialDevice {
  std::string name; ///< as the driver says it: "NVIDIA H200"
  std::string arch; ///< "sm_90a"
  int64_t multiprocessors = 0;
  int64_t memory_bytes = 0;
  int64_t shared_bytes_per_block = 0;
  int64_t sm_clock_mhz = 0;     ///< the highest
  int64_t memory_clock_mhz = 0; ///< the highest
  int64_t power_cap_w = 0;      ///< in force during the trial
  bool operator==(const TrialDevice &) const = default;
};

/// One launch of a variant.
struct TrialKernel {
  std::string kernel; ///< launchName of the launch: without the name of the specification
  Schedule schedule;
  bool operator==(const TrialKernel &) const = default;
};

/// What became of a candidate; all but Measured carry a reason in words.
enum class Outcome {
  Measured,    ///< verified, then timed
  Refused,     ///< by legality or the resource model
  NotCompiled, ///< NVRTC reported an error
  Rejected,    ///< compiled, but spills or products that wait for one another
  OutOfMemory, ///< tensors or workspace did not fit
  Wrong,       ///< failed its verification
  Faulted,     ///< the device or the worker process broke
  TimedOut,    ///< did not end
  Throttled,   ///< heat or hardware slowed the GPU down, in repetitions too
};

/// A measured candidate beside the default, whose turns were interleaved with its own. The default beside itself is
/// Ambiguous: where a trial says so, nothing better was to be found.
enum class Verdict {
  None,      ///< not compared
  Better,    ///< by more than the tuner's margin, beyond the spread
  Ambiguous, ///< the spread does not let one say
  Worse,
};

struct Trial {
  TrialProblem problem;

  // The candidate.
  std::string variant, skeleton;    ///< of the KernelVariant
  std::vector<TrialKernel> kernels; ///< one for each launch, in their order
  std::string default_digest;       ///< candidateDigest of the program's default as its bundle has it

  // Where.
  TrialDevice device;
  std::string driver;          ///< version: "580.65.06"
  std::string nvrtc;           ///< version: "13.0.88"
  std::string template_digest; ///< templateDigest of the bundle
  std::string jvpgen_version;

  // The run that it belongs to.
  std::string run;                 ///< 32 hexadecimal digits, random, one for each call of the tuner
  int64_t measured_at_unix_ms = 0; ///< when the trial ended

  // What came out.
  Outcome outcome = Outcome::Measured;
  std::string reason;
  Verdict verdict = Verdict::None;
  int64_t samples = 0;
  std::optional<double> median_us;         ///< of steady calls, all launches of the variant together
  std::optional<double> spread_us;         ///< interquartile range
  std::optional<double> default_median_us; ///< of the default in the same run, in turns with this candidate
  std::optional<double> default_spread_us;
  std::optional<double> cold_median_us; ///< with the L2 cache emptied before each call
  std::optional<double> relative_error; ///< largest of all outputs, against the reference that verified it
  std::optional<int64_t> workspace_bytes;
  std::optional<bool> deterministic; ///< whether repeated calls gave the same bits

  bool operator==(const Trial &) const = default;
};

const char *name(Outcome outcome); ///< "measured", "timed_out", ...
const char *name(Verdict verdict); ///< "none", "better", ...

/// The text as a reason may be: printable ASCII on one line, of 500 characters at most.
std::string reasonText(std::string_view text);

/// Whether every field is in its range and fits the others; what is recorded or imported has to be.
Result<void> checkTrial(const Trial &trial);

/// SHA-256 over every field: the same trial has the same id in every database.
std::string contentId(const Trial &trial);

/// SHA-256 over variant and schedules: what makes two trials measurements of the same candidate.
std::string candidateDigest(const std::string &variant, const std::vector<TrialKernel> &kernels);

} // namespace jvpgen

#endif
