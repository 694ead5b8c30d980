// A compiled plan: its functions in order, the tasks of each, and its workspace.
#ifndef JVPGEN_COMPILER_CPU_CPUEXECUTABLE_H
#define JVPGEN_COMPILER_CPU_CPUEXECUTABLE_H

#include "compiler/cpu/Compile.h"
#include "compiler/cpu/Jit.h"
#include "compiler/cpu/Storage.h"

namespace jvpgen::cpu {

/// One generated function and its tasks: batches, heads, blocks of rows of an axis (0: none).
struct Step {
  enum Heads { NoHeads, KeyHeads, QueryHeads };
  std::string function;
  bool over_batch = true;
  Heads heads = NoHeads;
  char axis = 0;
  int64_t rows = 1; ///< of a block; of a sweep, at most
  bool is_sweep = false;
  bool largest_last = false;   ///< later blocks may have more to do: they are begun first
  std::vector<int> added = {}; ///< slots of tensors that it adds to; its blocks are then those of TaskSplit
};

struct Program {
  std::string plan;
  std::vector<Step> steps;
  std::vector<Tensor> tensors; ///< in the order of their slots
  Layout layout = Layout::Dense;
  size_t scratch_bytes = 0; ///< of one thread
};

Result<std::unique_ptr<Executable>> makeExecutable(Program program, std::unique_ptr<Jit> jit,
                                                   const CpuOptions &options);

} // namespace jvpgen::cpu

#endif
