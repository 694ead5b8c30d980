// The gate: runs programs on random inputs and judges every output by the float64 reference.
#ifndef JVPGEN_REFERENCE_VERIFY_H
#define JVPGEN_REFERENCE_VERIFY_H

#include "reference/Evaluate.h"
#include "tools/tensors/RandomInputs.h"
#include <functional>

namespace jvpgen::reference {

/// Runs one program. `inputs` holds exactly what inputsOf names: for backward programs, what the same runner's forward
/// programs returned is among them. `outputs` are allocated and full of NaN; what is not written fails.
using Runner = std::function<Result<void>(std::string_view program, const Problem &problem, TensorSet &inputs,
                                          TensorSet &outputs)>;

/// One output's verdict.
struct Record {
  std::string program, output;
  double relative_error = 0, worst_row_error = 0;
  double limit = 0, row_limit = 0;
  bool passed = false;
  bool refused = false;  ///< the runner said *unsupported*; neither passed nor wrong
  std::string complaint; ///< why it failed whatever the limits, or the runner's words
};

struct VerifyOptions {
  uint64_t seed = 1;
  RandomOptions inputs;
  std::vector<std::string> programs; ///< empty: all that the specification allows
};

/// Inputs, reference and limits of one specification and problem; judges any number of runners.
///
/// A limit is twice the largest error of several realisations of `evaluatePlain`, for rows the largest that they let
/// expect, but never below what luck decides: one unit roundoff of the specification's type for a whole tensor and two
/// for a row; sixteen and sixty-four roundings of float32 where all is float32; what eight roundings of float32 in each
/// term leave of the sum of the terms' absolute values if their signs are random; four times the expected error of a
/// sum over all query rows, from those of the rows. Plain attention of random normal inputs at length 1024 has stated
/// limits besides.
class Judge {
public:
  static Result<Judge> prepare(const AttentionSpec &spec, const Problem &problem, const VerifyOptions &options = {});

  const Problem &problem() const { return drawn.problem; }
  const TensorSet &inputs() const { return drawn.tensors; }

  /// Records in the order of programs and names. An error is the runner's own, other than *unsupported*.
  Result<std::vector<Record>> judge(const Runner &run) const;

private:
  struct Expected {
    Tensor64 value;
    double limit = 0, row_limit = 0;
  };
  AttentionSpec spec;
  RandomInputs drawn;
  std::vector<std::string> programs;
  std::map<std::string, std::map<std::string, Expected>> expected; ///< by program and output

  std::map<std::string, TensorSet>
      supplied; ///< saved outputs that backward programs read and no forward program returns

  Result<void> supply(const std::string &program);
  Result<void> expect(const std::string &program, const VerifyOptions &options,
                      std::map<std::string, Expected> &into) const;
  TensorSet trueOutputs(const std::string &program) const;
  TensorSet inputsFor(const std::string &program, const std::map<std::string, TensorSet> &results) const;
  void record(const std::string &program, const TensorSet &outputs, std::vector<Record> &records) const;
};

/// `prepare` and `judge` at once.
Result<std::vector<Record>> verify(const AttentionSpec &spec, const Problem &problem, const VerifyOptions &options,
                                   const Runner &run);

bool allPassed(const std::vector<Record> &records);

} // namespace jvpgen::reference

#endif
