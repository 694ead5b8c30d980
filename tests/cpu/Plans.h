// A specification's plans, with the module that they stand in, for tests that compile them one by one.
#ifndef JVPGEN_TESTS_CPU_PLANS_H
#define JVPGEN_TESTS_CPU_PLANS_H

#include "compiler/derive/Derive.h"
#include "compiler/ir/Declarations.h"
#include "compiler/plan/Plan.h"
#include <gtest/gtest.h>
#include <map>

#include "mlir/IR/Verifier.h"

namespace jvpgen::test {

struct PlannedPrograms {
  explicit PlannedPrograms(const AttentionSpec &spec) : context(mlir::MLIRContext::Threading::DISABLED) {
    attn::registerDialects(context);
    module = declareModule(context, spec);
    for (const std::string &name : programsOf(spec)) {
      auto program = deriveProgram(terms, spec, name);
      if (!program) {
        ADD_FAILURE() << program.error().text();
        continue;
      }
      auto planned = planProgram(*module, *program);
      if (planned)
        plans[name] = planned->plans;
      else
        ADD_FAILURE() << planned.error().text();
    }
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
  }

  mlir::MLIRContext context;
  TermContext terms;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, std::vector<attn::PlanOp>> plans; ///< by program
};

} // namespace jvpgen::test

#endif
