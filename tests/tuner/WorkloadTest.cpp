// Tensors that a tuner makes from declarations lie as the command line's own, and hold what kernels can rely on.
#include "tuner/Workload.h"
#include "compiler/spec/AttentionSpec.h"
#include "support/AtomicFile.h"
#include "tools/tensors/Interface.h"
#include "tuner/Nvml.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace jvpgen;
using namespace jvpgen::tuner;

namespace {
AttentionSpec example(const std::string &name) {
  const std::string path = std::string(JVPGEN_SOURCE_DIR) + "/examples/specs/" + name + ".toml";
  return *parseSpec(*readFile(path), path);
}

KernelBundle bundleOf(const AttentionSpec &spec) {
  KernelBundle out;
  out.head_dim_qk = int(spec.head_dim_qk), out.head_dim_v = int(spec.head_dim_v);
  out.layout = spec.layout == Layout::Packed ? "packed" : spec.layout == Layout::Padded ? "padded" : "dense";
  return out;
}

int32_t int32At(const std::vector<unsigned char> &bytes, size_t k) {
  int32_t out;
  std::memcpy(&out, &bytes[4 * k], 4);
  return out;
}
} // namespace

TEST(Workload, TensorsLieAsInTheInterface) {
  for (const char *name : {"plain", "causal", "softcap", "packed_documents", "relative_bias", "alibi", "temperature"}) {
    const AttentionSpec spec = example(name);
    const KernelBundle bundle = bundleOf(spec);
    const Problem problem =
        completed(bundle, {.batch = 3, .heads = 4 * spec.group, .kv_heads = 4, .q_length = 96, .kv_length = 80});
    for (const std::string &program : programsOf(spec))
      for (const std::vector<std::string> &names : {inputsOf(spec, program), jvpgen::outputsOf(spec, program)})
        for (const std::string &tensor : names) {
          const TensorDeclaration declaration{tensor, indicesOf(spec, tensor), typeOf(spec, tensor)};
          const TensorLayout layout = layoutOf(bundle, declaration, problem);
          const HostTensor host(tensor, typeOf(spec, tensor), shapeOf(spec, problem, tensor));
          EXPECT_EQ(layout.elements, host.elements()) << name << " " << tensor;
          const TensorView view = viewOf(spec, host);
          for (int axis = 0; axis < 4; ++axis)
            EXPECT_EQ(layout.stride[axis], view.stride[axis]) << name << " " << tensor << " " << axis;
        }
  }
}

TEST(Workload, OffsetsRiseAndDocumentsAreSorted) {
  const AttentionSpec spec = example("packed_documents");
  const KernelBundle bundle = bundleOf(spec);
  const Problem problem = completed(bundle, {.batch = 3, .heads = 2, .kv_heads = 2, .q_length = 10, .kv_length = 7});
  EXPECT_EQ(problem.q_total, 30);
  auto bytesOf = [&](const char *name, const char *indices) {
    const TensorDeclaration tensor{name, indices, DType::I32};
    return inputBytes(tensor, layoutOf(bundle, tensor, problem), problem, 1);
  };
  const std::vector<unsigned char> offsets = bytesOf("kv_offsets", "b"), documents = bytesOf("q_doc", "bi");
  ASSERT_EQ(offsets.size(), 16u);
  for (int k = 0; k < 4; ++k) EXPECT_EQ(int32At(offsets, size_t(k)), 7 * k);
  ASSERT_EQ(documents.size(), 120u);
  for (size_t k = 1; k < 10; ++k) EXPECT_LE(int32At(documents, k - 1), int32At(documents, k));
  EXPECT_GT(int32At(documents, 9), int32At(documents, 0));
  EXPECT_EQ(int32At(documents, 10), 0); // the next sequence begins anew
}

TEST(Workload, NumbersAreNormalAndOfTheSeed) {
  const TensorDeclaration q{"q", "bnrid", DType::F32}, k{"k", "bnjd", DType::F32};
  KernelBundle bundle;
  bundle.head_dim_qk = bundle.head_dim_v = 64;
  const Problem problem = {.batch = 4, .heads = 8, .kv_heads = 8, .q_length = 1000, .kv_length = 1000};
  const TensorLayout layout = layoutOf(bundle, q, problem);
  const std::vector<unsigned char> bytes = inputBytes(q, layout, problem, 1);
  double sum = 0, squares = 0;
  std::vector<float> numbers(size_t(layout.elements));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  for (float x : numbers) sum += x, squares += double(x) * x;
  EXPECT_NEAR(sum / double(numbers.size()), 0, 0.01);
  EXPECT_NEAR(squares / double(numbers.size()), 1, 0.01);
  EXPECT_NE(std::memcmp(&numbers[0], &numbers[1 << 20], 4096), 0); // beyond what is drawn, other rows
  EXPECT_EQ(bytes, inputBytes(q, layout, problem, 1));
  EXPECT_NE(bytes, inputBytes(q, layout, problem, 2));
  EXPECT_NE(bytes, inputBytes(k, layoutOf(bundle, k, problem), problem, 1));
}

TEST(Nvml, HeatAndHardwareAreSlowdownsAPowerCapIsNot) {
  constexpr unsigned long long kIdle = 1, kSetClocks = 2, kPowerCap = 4;
  EXPECT_EQ(slowdownIn(kIdle | kSetClocks | kPowerCap), "");
  for (unsigned long long reason : {clock_reason::kHardwareSlowdown, clock_reason::kThermalSoftware,
                                    clock_reason::kThermalHardware, clock_reason::kPowerBrake})
    EXPECT_NE(slowdownIn(reason | kPowerCap), "");
}

TEST(Nvml, WithoutTheLibraryNothingIsSaid) {
  const Nvml none = Nvml::open(0, 0, 0);
  EXPECT_EQ(none.slowdown(), "");
}
