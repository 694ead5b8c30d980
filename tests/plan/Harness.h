// Plans run beside the mathematics that they come from: random inputs, the upper level's values, comparison.
#ifndef JVPGEN_TESTS_PLAN_HARNESS_H
#define JVPGEN_TESTS_PLAN_HARNESS_H

#include "compiler/plan/Interpret.h"
#include "compiler/plan/Plan.h"
#include "compiler/spec/AttentionSpec.h"

namespace jvpgen::test {

using Arrays = std::map<std::string, DenseArray>;

/// b = n = r = 2, 21 queries, 18 keys, features 4 and 6; tiles of 8 by 5.
PlanSetting smallSetting();

/// Sequences with lengths of their own: padded (one a row), or packed into one row.
PlanSetting paddedSetting();
PlanSetting packedSetting();

/// Random normal inputs of a program and integers for the mask; what is there already stays.
void fillInputs(Arrays &arrays, const Program &program, const AttentionSpec &spec, const PlanSetting &setting);

/// The program's outputs by the upper level, sequence by sequence; 0 outside the sequences.
Arrays upperValues(mlir::ModuleOp module, const Program &program, const PlanSetting &setting, const Arrays &inputs);

/// The same arrays with NaN wherever a length says that nothing may be used.
Arrays withNaNPadding(const Arrays &arrays, const Program &program, const PlanSetting &setting);

/// Greatest difference relative to the greatest element; infinities must agree.
double worstError(const DenseArray &got, const DenseArray &want);

/// Runs the plan and compares all outputs of the program.
void expectPlan(attn::PlanOp plan, const Program &program, const PlanSetting &setting, const Arrays &inputs,
                const Arrays &want);

/// The specification of a file below the source folder, or of TOML text.
AttentionSpec readSpec(const std::string &path);
AttentionSpec parsed(const std::string &toml);

} // namespace jvpgen::test

#endif
