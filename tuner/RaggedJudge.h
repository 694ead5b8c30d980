// Verifies kernels at a small ragged shape by the references of their bundle; whoever runs them, and where.
#ifndef JVPGEN_TUNER_RAGGEDJUDGE_H
#define JVPGEN_TUNER_RAGGEDJUDGE_H

#include "runtime/abi/Executable.h"
#include "tuner/Attempt.h"
#include "tuner/Deviation.h"
#include "tuner/RaggedInputs.h"
#include <functional>

namespace jvpgen::tuner {

/// Which of a bundle's references judging a program takes: (program, way) of runtime/abi/References.h.
std::vector<std::pair<std::string, std::string>> referencesFor(const std::string &program);

class RaggedJudge {
public:
  /// Launches an executable of `bundle` (the judged one, or referencesOf it) on all tensors that it takes, whose bytes
  /// are replaced by what it leaves.
  using Run = std::function<Result<void>(const KernelBundle &bundle, const Executable &executable,
                                         const Problem &problem, TensorBytes &tensors)>;
  /// A reference, ready to be run.
  using Find = std::function<const Executable *(const std::string &program, const std::string &way)>;

  /// Evaluates the references on several draws of inputs. With o, to, lse, mu of a forward program exact, and rounded
  /// as they are stored,
  ///
  ///   truth = derived program;   error of a plain kernel = |rounded program - truth| , the largest over the draws
  ///   limit = twice that error, and never less than a rounding of the result
  ///
  /// The simplified program has to be the truth to float64's rounding, so that no fault of it can widen a limit.
  static Result<RaggedJudge> create(const KernelBundle &bundle, const std::string &program, const Problem &ragged,
                                    const Find &find, const Run &run);

  /// The largest relative error of an executable's outputs; a failure of the outcome Wrong says which is wrong and how.
  Attempt<double> judge(const Executable &executable, const Run &run) const;

private:
  struct Output {
    TensorDeclaration tensor; ///< of the interface
    RowShape rows;
    std::vector<double> truth;
    double scale = 0; ///< root mean square of sums over all rows, which can nearly cancel
    DeviationLimit limit;
  };
  struct Draw {
    TensorBytes inputs; ///< with saved outputs, exact
    std::map<std::string, std::vector<double>> truth;
  };
  class Evaluation;
  Result<void> widen(const Evaluation &evaluation, const Draw &draw);

  const KernelBundle *bundle = nullptr;
  Problem problem;
  TensorBytes inputs; ///< of the first draw, saved outputs as they are stored among them
  std::vector<Output> outputs;
};

} // namespace jvpgen::tuner

#endif
