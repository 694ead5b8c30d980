// The ceiling of float32 arithmetic: independent chains of fused multiply-adds in registers, on all threads at once.
#include "compiler/cpu/Code.h"
#include "compiler/cpu/Compile.h"
#include "compiler/cpu/Jit.h"
#include "compiler/cpu/ThreadPool.h"
#include <algorithm>
#include <array>
#include <chrono>

#include "mlir/IR/MLIRContext.h"

using namespace jvpgen;
using namespace jvpgen::cpu;

/// Chains enough to hide the latency of two pipes, few enough for 16 registers.
static constexpr int kChains = 12, kUnroll = 4;
static constexpr int64_t kSteps = 1 << 16;
/// Short trials, and the best of many: what else runs on the machine does not count.
static constexpr int kTrials = 100;

static Result<std::unique_ptr<Jit>> compileChains(unsigned lanes) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  Code code(*module, lanes);
  Arguments arguments = code.beginFunction("chains");
  mlir::Value x = code.load(arguments.scratch, code.whole(0), lanes);
  Code::Values chains(kChains, x);
  chains = code.loop(code.whole(0), arguments.block, 1, chains, [&](mlir::Value, llvm::ArrayRef<mlir::Value> before) {
    Code::Values now(before);
    for (int k = 0; k < kUnroll; ++k)
      for (mlir::Value &chain : now) chain = code.fma(chain, x, x);
    return now;
  });
  for (int k = 1; k < kChains; ++k) chains[0] = code.add(chains[0], chains[k]);
  code.store(chains[0], arguments.scratch, code.whole(0));
  code.endFunction();
  if (auto ok = lowerToLLVM(*module); !ok) return tl::unexpected(ok.error());
  return Jit::compile(*module);
}

Result<double> jvpgen::measureFmaPeak(unsigned threads) {
  if (!threads) threads = std::max(1u, std::thread::hardware_concurrency());
  unsigned lanes = hostLanes();
  auto jit = compileChains(lanes);
  if (!jit) return tl::unexpected(jit.error());
  auto chains = (*jit)->find("chains");
  if (!chains) return tl::unexpected(chains.error());
  double best = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    auto start = std::chrono::steady_clock::now();
    // One task for each thread; a thread that took two would show as a slow trial.
    ThreadPool::shared().run(threads, threads, [&](int64_t, unsigned) {
      alignas(64) std::array<float, 16> numbers = {};
      (*chains)(nullptr, 0, 0, kSteps, numbers.data());
    });
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2.0 * lanes * kChains * kUnroll * static_cast<double>(kSteps) * threads / seconds.count());
  }
  return best;
}
