// Prints how fast every variant of a specification runs against the FMA peak measured beside it:
//   cpu_speed spec.toml [threads batch heads kv_heads q_length kv_length]
// FLOP are those of the derived program over all pairs, whatever the mask drops and whatever a variant executes twice.
#include "compiler/cpu/Compile.h"
#include "compiler/cpu/FmaPeak.h"
#include "compiler/derive/Cost.h"
#include "compiler/derive/Derive.h"
#include "compiler/ir/Declarations.h"
#include "compiler/plan/Plan.h"
#include "support/AtomicFile.h"
#include "tools/tensors/RandomInputs.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <vector>

using namespace jvpgen;

/// Seconds of the clock that a call takes.
static double seconds(clockid_t clock, const std::function<void()> &work) {
  auto now = [&] {
    timespec t;
    clock_gettime(clock, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
  };
  double start = now();
  work();
  return now() - start;
}

static double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

template <typename T> static T require(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().text().c_str());
  std::exit(exitStatus(result.error().kind));
}

static void measure(mlir::ModuleOp module, attn::PlanOp plan, const Problem &problem, const TensorMap &tensors,
                    double flop, unsigned threads) {
  std::unique_ptr<Executable> executable;
  double compiling = seconds(CLOCK_THREAD_CPUTIME_ID,
                             [&] { executable = require(compileForCpu(module, plan, {.threads = threads})); });
  std::vector<char> workspace(executable->workspaceBytes(problem));
  // One thread is measured by its own time, so that what else runs on the machine does not count.
  clockid_t clock = threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  std::vector<double> times, ratios;
  FmaPeak peak = require(FmaPeak::create(threads));
  double before = peak.measure(clock);
  for (int trial = 0; trial < 9; ++trial) {
    double time = seconds(clock, [&] {
      auto ok = executable->launch(problem, tensors, workspace.data(), nullptr);
      if (!ok) std::fprintf(stderr, "%s\n", ok.error().text().c_str()), std::exit(1);
    });
    double after = peak.measure(clock);
    times.push_back(time);
    ratios.push_back(flop / time / std::max(before, after));
    before = after;
  }
  auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  double time = median(times);
  std::printf("%-36s compile %4.0f ms  run %7.2f ms  %6.1f GFLOP/s  ratio %.3f (%.3f .. %.3f)\n",
              plan.getSymName().str().c_str(), compiling * 1e3, time * 1e3, flop / time * 1e-9, median(ratios), *least,
              *most);
}

int main(int argc, char **argv) {
  auto argument = [&](int k, long otherwise) { return k < argc ? std::atol(argv[k]) : otherwise; };
  Problem problem{argument(3, 1), argument(4, 4), argument(5, 4), argument(6, 2048), argument(7, 2048), 0, 0};
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
      measure(*module, plan, drawn.problem, tensors, flop, static_cast<unsigned>(argument(2, 1)));
  }
}
