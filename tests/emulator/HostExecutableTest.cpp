// A bundle's kernels, compiled for the host and launched through the interface of all executables.
#include "HostExecutable.h"

#include "tests/runtime/TinyBundle.h"

#include <bit>
#include <gmock/gmock.h>
#include <vector>

using namespace jvpgen;
using testing::HasSubstr;

namespace {
/// q, o and lse of a problem in host memory: q with a gap of 8 elements between rows, heads outside of batches.
struct TinyTensors {
  explicit TinyTensors(const Problem &p)
      : rows(size_t(p.batch * p.heads * p.q_length)), q(24 * rows), o(16 * rows), lse(rows) {
    for (size_t k = 0; k < q.size(); ++k) q[k] = uint16_t(std::bit_cast<uint32_t>(float(k % 31) - 15.f) >> 16);
    int64_t n = p.q_length;
    map["q"] = {q.data(), DType::BF16, {24 * n, 24 * n * p.batch, 24, 0}};
    map["o"] = {o.data(), DType::BF16, {16 * n * p.heads, 16 * n, 16, 0}};
    map["lse"] = {lse.data(), DType::F32, {n * p.heads, n, 1, 0}};
  }
  size_t rows;
  std::vector<uint16_t> q, o;
  std::vector<float> lse;
  TensorMap map;
};

float fromBf16(uint16_t x) { return std::bit_cast<float>(uint32_t(x) << 16); }
} // namespace

TEST(HostExecutable, RunsLaunchesInOrderThroughTheWorkspace) {
  KernelBundle bundle = tinyBundle();
  auto executable =
      prepareOnHost(bundle, bundle.variants[0], hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator"));
  ASSERT_TRUE(executable) << executable.error().message;
  Problem problem{.batch = 2, .heads = 4, .kv_heads = 2, .q_length = 37, .kv_length = 1};
  TinyTensors tensors(problem);
  EXPECT_EQ((*executable)->workspaceBytes(problem), 256u + 1280u);
  std::vector<std::byte> memory((*executable)->workspaceBytes(problem) + 256);
  void *workspace = reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(memory.data()) + 255) / 256 * 256);
  Result<void> ran = (*executable)->launch(problem, tensors.map, workspace, nullptr);
  ASSERT_TRUE(ran) << ran.error().message;
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t h = 0; h < 4; ++h)
      for (int64_t i = 0; i < 37; ++i) {
        const uint16_t *q = tensors.q.data() + 24 * (37 * (b + 2 * h) + i),
                       *o = tensors.o.data() + 16 * (37 * (4 * b + h) + i);
        float sum = 0;
        for (int f = 0; f < 16; ++f) {
          EXPECT_EQ(fromBf16(o[f]), 2 * fromBf16(q[f]));
          sum += fromBf16(q[f]);
        }
        EXPECT_EQ(tensors.lse[size_t(37 * (4 * b + h) + i)], sum);
      }
}

TEST(HostExecutable, SaysWhatTheCompilerSays) {
  KernelBundle bundle = tinyBundle();
  bundle.files[0].text += "int x = undeclared;\n";
  auto executable =
      prepareOnHost(bundle, bundle.variants[0], hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator"));
  ASSERT_FALSE(executable);
  EXPECT_THAT(executable.error().message, HasSubstr("undeclared"));
}
