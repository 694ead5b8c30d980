// A specification with its emitted programs, and runs of them with tensors that are placed by the checks.
#ifndef JVPGEN_TESTS_GPU_SUBJECT_H
#define JVPGEN_TESTS_GPU_SUBJECT_H

#include "tests/gpu/PlacedTensors.h"
#include <map>
#include <string>

namespace jvpgen {

class Subject {
public:
  /// Emitted for `arch`, or for the place's own if it is empty.
  static Result<Subject> create(Place &place, const std::string &toml, const std::string &arch = "");

  AttentionSpec spec;
  KernelBundle bundle;
  std::vector<std::string> programs;
  PlacementOptions placement;

  /// The default variant of a program, prepared at the first call.
  Result<const Executable *> executable(std::string_view program);

  /// One launch; fails if it wrote where it must not.
  Result<void> run(std::string_view program, const Problem &problem, const TensorSet &inputs, TensorSet &outputs);

  /// What `program` reads, out of `given` and of what its own forward programs return for that.
  Result<TensorSet> inputsFor(std::string_view program, const Problem &problem, const TensorSet &given);

  /// All programs on the gate's inputs, every output judged; "12 outputs, the worst at 0.61 of its limit".
  Result<std::string> judge(const Problem &shape);

  /// Are any of the kernels Hopper's?
  bool usesHopper() const;

  Place &place() const { return *where; }

private:
  explicit Subject(Place &place) : where(&place) {}
  Place *where;
  std::map<std::string, std::unique_ptr<Executable>, std::less<>> ready;
};

Problem denseProblem(int64_t batch, int64_t heads, int64_t kv_heads, int64_t q_length, int64_t kv_length);

} // namespace jvpgen

#endif
