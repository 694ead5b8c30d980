// Independent chains of fused multiply-adds, shared out to threads as the tasks of a launch are: what else runs on the
// machine takes the same part of both.
#include "compiler/cpu/FmaPeak.h"
#include "compiler/cpu/Code.h"
#include "compiler/cpu/Jit.h"
#include "compiler/cpu/ThreadPool.h"
#include <algorithm>
#include <array>

#include "mlir/IR/MLIRContext.h"

using namespace jvpgen;
using namespace jvpgen::cpu;

/// Chains enough to hide the latency of two pipes, few enough for 16 registers.
static constexpr int kChains = 12, kUnroll = 4;
/// A task takes about a tenth of a millisecond, one measurement about ten milliseconds.
static constexpr int64_t kSteps = 1 << 14, kTasks = 96;

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

Result<FmaPeak> FmaPeak::create(unsigned threads) {
  auto jit = compileChains(hostLanes());
  if (!jit) return tl::unexpected(jit.error());
  auto chains = (*jit)->find("chains");
  if (!chains) return tl::unexpected(chains.error());
  if (!threads) threads = std::max(1u, std::thread::hardware_concurrency());
  return FmaPeak(std::move(*jit), *chains, threads);
}

double FmaPeak::measure(clockid_t clock) const {
  auto now = [&] {
    timespec t;
    clock_gettime(clock, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
  };
  int64_t tasks = kTasks * threads;
  double start = now();
  ThreadPool::shared().run(threads, tasks, [&](int64_t, unsigned) {
    alignas(64) std::array<float, 16> numbers = {};
    chains(nullptr, 0, 0, kSteps, numbers.data());
  });
  return 2.0 * hostLanes() * kChains * kUnroll * static_cast<double>(kSteps * tasks) / (now() - start);
}
