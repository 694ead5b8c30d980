// The shipped examples: every variant of every program gives the upper level's values.
#include "tests/plan/Harness.h"

#include "compiler/derive/Derive.h"
#include "compiler/ir/Declarations.h"
#include "mlir/IR/Verifier.h"
#include <gtest/gtest.h>

using namespace jvpgen;
using namespace jvpgen::test;

namespace {
class Examples : public testing::TestWithParam<const char *> {};
} // namespace

TEST_P(Examples, EveryVariantEqualsTheMathematics) {
  AttentionSpec spec = readSpec("examples/specs/" + std::string(GetParam()) + ".toml");
  PlanSetting setting = spec.layout == Layout::Packed   ? packedSetting()
                        : spec.layout == Layout::Padded ? paddedSetting()
                                                        : smallSetting();
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module = declareModule(context, spec);
  TermContext terms;
  Arrays arrays;
  for (const std::string &name : programsOf(spec)) {
    Result<Program> program = deriveProgram(terms, spec, name);
    ASSERT_TRUE(program) << program.error().text();
    Result<Plans> plans = planProgram(*module, *program);
    ASSERT_TRUE(plans) << plans.error().text();
    ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
    fillInputs(arrays, *program, spec, setting);
    Arrays want = upperValues(*module, *program, setting, arrays);
    Arrays given = withNaNPadding(arrays, *program, setting);
    for (attn::PlanOp plan : plans->plans) expectPlan(plan, *program, setting, given, want);
    arrays.insert(want.begin(), want.end());
  }
}

INSTANTIATE_TEST_SUITE_P(All, Examples,
                         testing::Values("plain", "causal", "softcap", "alibi", "window_softcap", "relative_bias",
                                         "cross_q_tangent", "packed_documents", "hvp", "temperature"));
