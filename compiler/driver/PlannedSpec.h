// A specification with the plans of its programs, ready for either back end; no MLIR in sight.
#ifndef JVPGEN_COMPILER_DRIVER_PLANNEDSPEC_H
#define JVPGEN_COMPILER_DRIVER_PLANNEDSPEC_H

#include "compiler/spec/AttentionSpec.h"
#include "runtime/abi/Executable.h"
#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Target.h"
#include <memory>
#include <string>
#include <vector>

namespace jvpgen {

/// SHA-256 of the canonical text with an empty name in it: KernelBundle::digest.
std::string specificationDigest(const AttentionSpec &spec);

class PlannedSpec {
public:
  /// Derives and plans the programs.
  static Result<PlannedSpec> create(const AttentionSpec &spec, const std::vector<std::string> &programs);
  PlannedSpec(PlannedSpec &&);
  PlannedSpec &operator=(PlannedSpec &&);
  ~PlannedSpec();

  /// The module of plans, as text of the attn dialect.
  std::string text() const;

  /// Names of the variants that a program has, the default first.
  std::vector<std::string> variants(const std::string &program) const;

  /// Every plan as CUDA for the portable skeleton.
  Result<KernelBundle> emit(const Target &target) const;

  /// The variant that executes the fewest products: a processor has memory for every accumulator, so that nothing is
  /// gained by computing a tile twice.
  std::string variantForCpu(const std::string &program) const;

  /// One program compiled for this machine's processor; an empty variant is variantForCpu.
  Result<std::unique_ptr<Executable>> compileForCpu(const std::string &program, const std::string &variant,
                                                    unsigned threads) const;

private:
  struct Contents;
  explicit PlannedSpec(std::unique_ptr<Contents> contents);
  std::unique_ptr<Contents> contents;
};

} // namespace jvpgen

#endif
