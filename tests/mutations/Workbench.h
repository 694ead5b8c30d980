// A specification whose right results are known: mutants of its programs run in their place and are judged.
#ifndef JVPGEN_TESTS_MUTATIONS_WORKBENCH_H
#define JVPGEN_TESTS_MUTATIONS_WORKBENCH_H

#include "compiler/driver/PlannedSpec.h"
#include "reference/Verify.h"

namespace jvpgen {

/// Every program runs once as it should, on the CPU; the gate must let that pass. A mutant then stands for one program,
/// and what the others returned is handed back as it was.
class Workbench {
public:
  Workbench(const AttentionSpec &spec, const Problem &problem, const RandomOptions &inputs = {});

  const AttentionSpec spec;

  /// "program.output" of all that the gate refuses.
  std::vector<std::string> refusals(const std::string &program, const Executable &mutant) const;

private:
  std::optional<reference::Judge> judge;
  std::map<std::string, TensorSet, std::less<>> right;

  Result<void> run(const Executable &executable, const Problem &problem, TensorSet &inputs, TensorSet &outputs) const;
};

/// What became of mutants: printed as a table, and every one of them must have been caught, but for those that are
/// known to change nothing, which must not.
class Tally {
public:
  /// `equivalent` is the reason why the mutant's results are right, or empty.
  void add(const std::string &mutant, const std::vector<std::string> &refusals, const std::string &equivalent = "");
  void expectCaught(size_t atLeast) const;

private:
  size_t caught = 0;
};

} // namespace jvpgen

#endif
