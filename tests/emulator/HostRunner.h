// A specification's emitted programs on the emulator, as the gate's runner.
#ifndef JVPGEN_TESTS_EMULATOR_HOSTRUNNER_H
#define JVPGEN_TESTS_EMULATOR_HOSTRUNNER_H

#include "HostExecutable.h"
#include "compiler/driver/PlannedSpec.h"
#include "reference/Verify.h"
#include <optional>

namespace jvpgen {

/// Emits, compiles and runs programs for a target; each program compiled once.
class HostRunner {
public:
  HostRunner(const AttentionSpec &spec, const KernelBundle &bundle, HostBuild build)
      : spec(spec), bundle(bundle), build(std::move(build)) {}

  /// Of each program: an empty name is the default.
  std::string variant;
  /// For all sweeps, in place of their own.
  std::optional<Schedule> schedule;
  /// Among each sweep's legal schedules, if none is given.
  unsigned schedule_number = 0;
  /// What the schedules are for.
  Target target = {.arch = "sm_80"};

  Result<void> operator()(std::string_view program, const Problem &problem, TensorSet &inputs, TensorSet &outputs);

private:
  Result<const Executable *> executable(std::string_view program);
  const AttentionSpec &spec;
  const KernelBundle &bundle;
  HostBuild build;
  std::map<std::string, std::unique_ptr<Executable>, std::less<>> ready;
};

/// A problem whose lengths are those of the tensors.
inline Problem shape(int64_t batch, int64_t heads, int64_t kv_heads, int64_t q, int64_t kv) {
  return {batch, heads, kv_heads, q, kv, q, kv};
}

} // namespace jvpgen

#endif
