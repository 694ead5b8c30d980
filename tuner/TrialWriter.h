// Trials as the database keeps them, from what a search learns of candidates.
#ifndef JVPGEN_TUNER_TRIALWRITER_H
#define JVPGEN_TUNER_TRIALWRITER_H

#include "db/Database.h"
#include "tuner/Protocol.h"

namespace jvpgen::tuner {

/// 32 hexadecimal digits that nobody else has.
std::string makeRunName();

/// What all trials of one program, shape and GPU share.
class TrialWriter {
public:
  TrialWriter(const KernelBundle &bundle, const std::string &program, const Problem &problem,
              const DeviceReport &device, std::string run);

  void setCompiler(const std::string &version) { shared.nvrtc = version; }

  Trial failed(const Candidate &candidate, const Failure &failure) const;

  /// Timed in turns with the default while others were compiled: no verdict.
  Trial measured(const Candidate &candidate, const TrialAnswer &answer) const;

  /// Of a final; `standard` is the default's entry.
  Trial final(const Candidate &candidate, const FinalAnswer::Entry &entry, const FinalAnswer::Entry &standard,
              std::optional<double> relative_error, Verdict verdict) const;

  /// What a database is asked for, and which of its trials are of candidates of this bundle.
  Question question() const;
  TrialFilter filter() const;
  std::optional<Candidate> candidateOf(const std::string &variant, const std::vector<TrialKernel> &kernels) const;
  bool concerns(const Trial &trial) const;

private:
  Trial begun(const Candidate &candidate) const;
  const KernelBundle &bundle;
  const Target target;
  Trial shared;
};

} // namespace jvpgen::tuner

#endif
