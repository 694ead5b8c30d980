#include "tuner/TrialWriter.h"

#include "db/BundleTrials.h"
#include "tuner/Statistics.h"
#include "tuner/Workload.h"
#include <chrono>
#include <random>

using namespace jvpgen;
using namespace jvpgen::tuner;

std::string tuner::makeRunName() {
  std::random_device random;
  std::string out;
  for (int k = 0; k < 32; ++k) out += "0123456789abcdef"[random() % 16];
  return out;
}

TrialWriter::TrialWriter(const KernelBundle &bundle, const std::string &program, const Problem &problem,
                         const DeviceReport &device, std::string run)
    : bundle(bundle), target(device.target) {
  shared.problem = {bundle.digest, program, completed(bundle, problem)};
  shared.default_digest = defaultDigest(bundle, program);
  shared.device = device.device;
  shared.driver = device.driver;
  shared.nvrtc = "none";
  shared.template_digest = templateDigest(bundle);
  shared.jvpgen_version = JVPGEN_VERSION;
  shared.run = std::move(run);
}

Trial TrialWriter::begun(const Candidate &candidate) const {
  Trial out = shared;
  out.variant = candidate.variant;
  if (Result<KernelVariant> variant = variantOf(bundle, shared.problem.program, candidate)) {
    out.skeleton = variant->skeleton;
    out.kernels = kernelsOf(bundle, *variant);
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  out.measured_at_unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return out;
}

Trial TrialWriter::failed(const Candidate &candidate, const Failure &failure) const {
  Trial out = begun(candidate);
  out.outcome = failure.outcome;
  out.reason = reasonText(failure.reason);
  return out;
}

Trial TrialWriter::measured(const Candidate &candidate, const TrialAnswer &answer) const {
  Trial out = begun(candidate);
  out.samples = int64_t(answer.samples_us.size());
  out.median_us = median(answer.samples_us);
  out.spread_us = spread(answer.samples_us);
  out.default_median_us = median(answer.default_samples_us);
  out.default_spread_us = spread(answer.default_samples_us);
  out.relative_error = answer.relative_error;
  out.workspace_bytes = answer.workspace_bytes;
  return out;
}

Trial TrialWriter::final(const Candidate &candidate, const FinalAnswer::Entry &entry,
                         const FinalAnswer::Entry &standard, std::optional<double> relative_error,
                         Verdict verdict) const {
  Trial out = measured(candidate, {entry.samples_us, standard.samples_us, 0, entry.workspace_bytes});
  out.relative_error = relative_error;
  out.cold_median_us = median(entry.cold_us);
  out.deterministic = entry.deterministic;
  out.verdict = verdict;
  return out;
}

Question TrialWriter::question() const {
  return {shared.problem, shared.device, shared.template_digest, shared.default_digest};
}

TrialFilter TrialWriter::filter() const {
  TrialFilter out;
  out.specification = shared.problem.specification;
  out.program = shared.problem.program;
  out.device = shared.device.name;
  out.template_digest = shared.template_digest;
  out.shape = shared.problem.shape;
  return out;
}

bool TrialWriter::concerns(const Trial &trial) const {
  return trial.default_digest == shared.default_digest && trial.device.arch == shared.device.arch &&
         trial.device.multiprocessors == shared.device.multiprocessors;
}

std::optional<Candidate> TrialWriter::candidateOf(const std::string &variant,
                                                  const std::vector<TrialKernel> &kernels) const {
  Result<KernelVariant> found = applied(bundle, shared.problem.program, variant, kernels, target);
  return found ? std::optional(tuner::candidateOf(*found)) : std::nullopt;
}
