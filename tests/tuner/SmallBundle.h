// A bundle of sweeps that are never compiled: what a search over schedules needs of one.
#ifndef JVPGEN_TESTS_TUNER_SMALLBUNDLE_H
#define JVPGEN_TESTS_TUNER_SMALLBUNDLE_H

#include "runtime/abi/KernelBundle.h"
#include "runtime/abi/Problem.h"
#include "runtime/abi/Target.h"
#include "schedule/Legality.h"

namespace jvpgen {

inline Target smallTarget() { return {"sm_80", 163 * 1024, 108}; }

/// A sweep of the portable skeleton with the resources of plain attention at head dimension 64.
inline Launch smallSweep(const std::string &kernel, bool owns_queries) {
  Launch out;
  out.kernel = kernel;
  out.source = "text.cu";
  out.owners = owns_queries ? "bnri" : "bnj";
  out.rows_per_block = owns_queries ? "tile_m" : "tile_n";
  out.tensors = owns_queries ? std::vector<std::string>{"q", "o"} : std::vector<std::string>{"q", "o", "dq"};
  out.resources.own_features = 72;
  out.resources.streamed_features = 144;
  out.resources.own_registers = 16;
  out.resources.score_tiles = 1;
  out.resources.packed_tiles = 1;
  out.resources.output_features = 64;
  out.resources.owns_queries = owns_queries;
  out.resources.is_sweep = true;
  out.schedule = defaultSchedule(out.resources, smallTarget());
  return out;
}

inline KernelVariant smallVariant(const std::string &program, const std::string &variant,
                                  std::vector<Launch> launches) {
  KernelVariant out;
  out.program = program;
  out.variant = variant;
  out.launches = std::move(launches);
  out.schedule = out.launches.front().schedule;
  out.executed_products = 2;
  return out;
}

/// forward with one sweep; backward in two variants, one of two sweeps.
inline KernelBundle smallBundle() {
  KernelBundle out;
  out.name = "small";
  out.arch = "sm_80";
  out.digest = std::string(64, 'a');
  out.head_dim_qk = out.head_dim_v = 64;
  out.tensors = {
      {"q", "bnrid", DType::BF16, false}, {"o", "bnrie", DType::BF16, true}, {"dq", "bnrid", DType::BF16, true}};
  out.files = {{"text.cu", "// sweeps\n"}, {"sweep.cuh", "// the skeleton\n"}};
  out.variants = {smallVariant("forward", "row", {smallSweep("small_forward_row", true)}),
                  smallVariant("backward", "row+col",
                               {smallSweep("small_backward_row", true), smallSweep("small_backward_col", false)}),
                  smallVariant("backward", "col", {smallSweep("small_backward_only", false)})};
  return out;
}

inline Problem smallProblem() {
  return {
      .batch = 2, .heads = 8, .kv_heads = 8, .q_length = 2048, .kv_length = 2048, .q_total = 2048, .kv_total = 2048};
}

} // namespace jvpgen

#endif
