// A bundle of one small kernel, written by hand: o = 2 q for bf16 rows of 16 features, and row sums of q in float32.
#ifndef JVPGEN_TESTS_RUNTIME_TINYBUNDLE_H
#define JVPGEN_TESTS_RUNTIME_TINYBUNDLE_H

#include "runtime/abi/KernelBundle.h"
#include "support/AtomicFile.h"
#include <filesystem>

namespace jvpgen {

/// Reads a template of the source tree.
inline SourceFile templateFile(const std::string &name) {
  return {name, readFile(std::filesystem::path(JVPGEN_SOURCE_DIR) / "templates" / name).value_or("")};
}

/// The texts of its two kernels.
inline std::vector<SourceFile> tinyTexts() {
  const std::string opening = "#include \"abi.cuh\"\n";
  const std::string place = R"(
  const int heads = int(p.problem.heads), rows = int(p.problem.q_length);
  const int groups = (rows + 31) / 32, i = block_index() % groups * 32 + thread_index();
  const int h = block_index() / groups % heads, b = block_index() / groups / heads;
  if (i >= rows) return;
)";
  const std::string twice_text = opening + R"(
struct Args { Problem problem; Tensor q, o, sums; };
static_assert(JVPGEN_TILE_M == 32);
KERNEL(32 * JVPGEN_WARPS, 1) twice(PARAMETER Args p) {)" +
                                 place + R"(
  const u16 *q = static_cast<const u16 *>(p.q.data) + b * p.q.stride[0] + h * p.q.stride[1] + i * p.q.stride[2];
  u16 *o = static_cast<u16 *>(p.o.data) + b * p.o.stride[0] + h * p.o.stride[1] + i * p.o.stride[2];
  float sum = 0.f;
  for (int f = 0; f < 16; ++f) {
    const float x = float_of(u32(q[f]) << 16);
    o[f] = u16(pack_bf16(2.f * x, 0.f));
    sum += x;
  }
  static_cast<float *>(p.sums.data)[b * p.sums.stride[0] + h * p.sums.stride[1] + i * p.sums.stride[2]] = sum;
}
)";
  const std::string copy_text = opening + R"(
struct Args { Problem problem; Tensor sums, lse; };
KERNEL(32 * JVPGEN_WARPS, 1) copy_sums(PARAMETER Args p) {)" +
                                place + R"(
  static_cast<float *>(p.lse.data)[b * p.lse.stride[0] + h * p.lse.stride[1] + i * p.lse.stride[2]] =
      static_cast<const float *>(p.sums.data)[b * p.sums.stride[0] + h * p.sums.stride[1] + i * p.sums.stride[2]];
}
)";
  return {{"twice.cu", twice_text}, {"copy_sums.cu", copy_text}};
}

inline KernelBundle tinyBundle() {
  KernelBundle bundle;
  bundle.name = "tiny";
  bundle.digest = std::string(64, '0');
  bundle.arch = "sm_80";
  bundle.head_dim_qk = bundle.head_dim_v = 16;
  bundle.tensors = {
      {"q", "bnrid", DType::BF16, false}, {"o", "bnrie", DType::BF16, true}, {"lse", "bnri", DType::F32, true}};
  Launch twice;
  twice.kernel = "twice";
  twice.source = "twice.cu";
  twice.owners = "bnri";
  twice.rows_per_block = "tile_m";
  twice.tensors = {"q", "o", "sums"};
  twice.schedule = {32, 32, 1, 1};
  Launch copy = twice;
  copy.kernel = "copy_sums";
  copy.source = "copy_sums.cu";
  copy.rows_per_block = "32";
  copy.tensors = {"sums", "lse"};
  KernelVariant variant;
  variant.program = "forward";
  variant.variant = "row";
  variant.workspace = {{"unused", "b", DType::F32, false}, {"sums", "bnri", DType::F32, false}};
  variant.launches = {twice, copy};
  variant.schedule = twice.schedule;
  variant.executed_products = 2;
  bundle.variants = {variant};

  bundle.files = tinyTexts();
  for (const char *name : {"abi.cuh", "primitives.cuh"}) bundle.files.push_back(templateFile(name));
  return bundle;
}

} // namespace jvpgen

#endif
