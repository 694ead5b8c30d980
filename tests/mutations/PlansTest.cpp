// A fault planted in any operation of a plan, or in the mask, is noticed.
#include "tests/mutations/PlanMutations.h"
#include "tests/mutations/Workbench.h"

#include "compiler/cpu/Compile.h"
#include "tests/cpu/Plans.h"
#include "tests/reference/Specs.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/raw_ostream.h"

using namespace jvpgen;

namespace {
std::string textOf(mlir::ModuleOp module) {
  std::string out;
  llvm::raw_string_ostream stream(out);
  module.print(stream);
  return out;
}

/// A module with one plan, and mutants of it.
class Plan {
public:
  Plan(test::PlannedPrograms &all, const std::string &program) : program(program) {
    name = all.plans.at(program).front().getSymName().str();
    module = mlir::OwningOpRef<mlir::ModuleOp>(all.module->clone());
    for (auto other : llvm::make_early_inc_range(module->getOps<attn::PlanOp>()))
      if (other.getSymName() != name) other.erase();
    text = textOf(*module);
  }

  attn::PlanOp of(mlir::ModuleOp in) const { return *in.getOps<attn::PlanOp>().begin(); }
  std::vector<mlir::Operation *> operations(mlir::Operation *in) const {
    std::vector<mlir::Operation *> out;
    in->walk([&](mlir::Operation *op) { out.push_back(op); });
    return out;
  }

  /// What refuses a copy of the module in which operation `k` is wrong.
  std::vector<std::string> judge(const Workbench &bench, size_t k, const PlanMutation &mutation) const {
    mlir::OwningOpRef<mlir::ModuleOp> copy(module.get().clone());
    mutation.apply(operations(*copy)[k]);
    EXPECT_NE(textOf(*copy), text) << mutation.name << " changes nothing";
    auto executable = compileForCpu(*copy, of(*copy), {.threads = 1});
    EXPECT_TRUE(executable) << mutation.name << ": " << executable.error().text();
    return executable ? bench.refusals(program, **executable) : std::vector<std::string>();
  }

  std::string program, name, text;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// All operations inside an `Around`: the plan, or the mask beside it.
template <typename Around> void judgeEvery(const Workbench &bench, const Plan &plan, Tally &tally) {
  std::vector<mlir::Operation *> all = plan.operations(plan.module.get());
  for (size_t k = 0; k < all.size(); ++k) {
    if (!all[k]->getParentOfType<Around>()) continue;
    for (const PlanMutation &mutation : mutationsOf(all[k]))
      tally.add(plan.program + " " + std::to_string(k) + ": " + mutation.name, plan.judge(bench, k, mutation),
                mutation.equivalent);
  }
}
} // namespace

TEST(Mutations, OfPlans) {
  AttentionSpec spec = narrow(example("softcap"));
  Workbench bench(spec, {1, 8, 2, 24, 20, 24, 20}, {.q_scale = 8});
  test::PlannedPrograms programs(spec);
  Tally tally;
  for (const std::string program : {"tangent_forward", "tangent_backward"})
    judgeEvery<attn::PlanOp>(bench, Plan(programs, program), tally);
  tally.expectCaught(150);
}

/// The last key tile begins at the last query: its single entry is kept.
TEST(Mutations, OfMasks) {
  AttentionSpec spec = narrow(example("causal"));
  Workbench bench(spec, {1, 2, 2, 129, 129, 129, 129});
  test::PlannedPrograms programs(spec);
  Tally tally;
  for (const std::string program : {"forward", "backward"})
    judgeEvery<attn::MaskOp>(bench, Plan(programs, program), tally);
  tally.expectCaught(10);
}
