// Prints how fast plans run against the FMA peak measured beside them: cpu_speed [plan file, products]...
#include "tests/cpu/Case.h"
#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace jvpgen;
using namespace jvpgen::test;

static double seconds(const std::function<void()> &work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Products are counted over all pairs: masks of the plans are made to keep everything.
static std::string withoutMask(std::string text) {
  text = replaceAll(text, "arith.cmpi sle, %j, %i : i32", "arith.constant true");
  text = replaceAll(text, "arith.cmpi sle, %j0, %i1 : i32", "arith.constant true");
  return replaceAll(text, "arith.cmpi sgt, %j1, %i0 : i32", "arith.constant false");
}

int main(int argc, char **argv) {
  const int length = 2048, batch = 1, heads = 4, dim = 64;
  std::map<std::string, std::vector<float>> data;
  for (int a = 1; a + 1 < argc; a += 2) {
    std::unique_ptr<Executable> executable;
    double compiling = seconds([&] {
      auto result = compile(withoutMask(planText(argv[a])));
      if (!result) std::printf("%s\n", result.error().text().c_str()), exit(1);
      executable = std::move(*result);
    });
    Problem problem{batch, heads, heads, length, length, length, length};
    TensorMap tensors;
    for (std::string name : {"q", "k", "v", "tq", "tk", "tv", "o", "to", "do", "dto", "dq", "dk", "dv", "dtq", "dtk", "dtv"}) {
      auto &x = data[name];
      x.resize(size_t(batch) * heads * length * dim);
      for (float &value : x) value = static_cast<float>(rand() % 2000 - 1000) * 1e-3f;
      tensors[name] = {x.data(), DType::F32, {int64_t(heads) * length * dim, int64_t(length) * dim, dim, dim}};
    }
    for (std::string name : {"lse", "mu", "dlse", "dmu"}) {
      auto &x = data[name];
      x.resize(size_t(batch) * heads * length, 8.0f);
      tensors[name] = {x.data(), DType::F32, {int64_t(heads) * length, length, 1, 1}};
    }
    std::vector<char> workspace(executable->workspaceBytes(problem));
    double flop = std::atof(argv[a + 1]) * 2.0 * batch * heads * length * length * dim;
    double best = 1e30, peak = 0;
    for (int trial = 0; trial < 7; ++trial) {
      peak = std::max(peak, *measureFmaPeak(0));
      best = std::min(best, seconds([&] { (void)executable->launch(problem, tensors, workspace.data(), nullptr); }));
    }
    std::printf("%-28s compile %4.0f ms  run %6.1f ms  %6.1f GFLOP/s  peak %6.1f  ratio %.3f\n", argv[a], compiling * 1e3,
                best * 1e3, flop / best * 1e-9, peak * 1e-9, flop / best / peak);
  }
}
