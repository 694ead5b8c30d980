// Prints how fast every variant of a specification runs against the FMA peak measured beside it:
//   cpu_speed spec.toml [batch heads kv_heads q_length kv_length]
// FLOP are those of the derived program over all pairs, whatever the mask drops and whatever a variant executes twice.
#include "compiler/cpu/Compile.h"
#include "compiler/derive/Cost.h"
#include "compiler/derive/Derive.h"
#include "compiler/ir/Declarations.h"
#include "compiler/plan/Plan.h"
#include "support/AtomicFile.h"
#include "tools/tensors/RandomInputs.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <thread>

using namespace jvpgen;

static double seconds(const std::function<void()> &work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

template <typename T> static T require(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().text().c_str());
  std::exit(exitStatus(result.error().kind));
}

static void measure(mlir::ModuleOp module, attn::PlanOp plan, const Problem &problem, const TensorMap &tensors,
                    double flop) {
  std::unique_ptr<Executable> executable;
  double compiling = seconds([&] { executable = require(compileForCpu(module, plan, {})); });
  std::vector<char> workspace(executable->workspaceBytes(problem));
  double best = 1e30, busy = 1e30, peak = 0;
  for (int trial = 0; trial < 7; ++trial) {
    peak = std::max(peak, require(measureFmaPeak(0)));
    std::clock_t before = std::clock();
    best = std::min(best, seconds([&] {
                      auto ok = executable->launch(problem, tensors, workspace.data(), nullptr);
                      if (!ok) std::fprintf(stderr, "%s\n", ok.error().text().c_str()), std::exit(1);
                    }));
    busy = std::min(busy, double(std::clock() - before) / CLOCKS_PER_SEC / std::thread::hardware_concurrency());
  }
  std::printf("%-44s compile %4.0f ms  run %7.2f ms  %6.1f of %6.1f GFLOP/s  ratio %.3f (of processor time %.3f)\n",
              plan.getSymName().str().c_str(), compiling * 1e3, best * 1e3, flop / best * 1e-9, peak * 1e-9,
              flop / best / peak, flop / busy / peak);
}

int main(int argc, char **argv) {
  auto argument = [&](int k, long otherwise) { return k < argc ? std::atol(argv[k]) : otherwise; };
  Problem problem{argument(2, 1), argument(3, 4), argument(4, 4), argument(5, 2048), argument(6, 2048), 0, 0};
  AttentionSpec spec = require(parseSpec(require(readFile(argv[1])), argv[1]));
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  attn::registerDialects(context);
  TermContext terms;
  auto module = declareModule(context, spec);
  RandomInputs drawn = makeInputs(spec, problem, 1);
  TensorMap tensors = viewsOf(spec, drawn.tensors);
  std::vector<TensorSet> outputs;
  for (const std::string &name : programsOf(spec)) {
    Program program = require(deriveProgram(terms, spec, name));
    outputs.push_back(poisonedOutputs(spec, drawn.problem, name));
    for (auto &[output, view] : viewsOf(spec, outputs.back())) tensors[output] = view;
    double flop = matmulsOf(program) * 2.0 * double(problem.batch * problem.heads * problem.q_length) *
                  double(problem.kv_length) * spec.head_dim_qk;
    for (attn::PlanOp plan : require(planProgram(*module, program)).plans)
      measure(*module, plan, drawn.problem, tensors, flop);
  }
}
