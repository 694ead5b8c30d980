// Shapes, views and problems of tensors.
#include "tools/tensors/Interface.h"
#include "tools/tensors/RandomInputs.h"

#include <cmath>
#include <functional>
#include <gtest/gtest.h>

using namespace jvpgen;

static AttentionSpec specFrom(const std::string &toml) {
  Result<AttentionSpec> spec =
      parseSpec("name = \"x\"\nhead_dim_qk = 16\nhead_dim_v = 32\ngroup = 2\n" + toml, "test.toml");
  EXPECT_TRUE(spec) << (spec ? "" : spec.error().text());
  return spec.value_or(AttentionSpec());
}

using Shape = std::vector<int64_t>;

TEST(Shapes, FollowTheIndices) {
  AttentionSpec spec = specFrom(
      "bias = { dims = [\"heads\", \"kv\"], dtype = \"f32\" }\nmask_tensor = { dims = [\"batch\", \"q\", \"kv\"] }\n"
      "scalars = [\"temperature\"]\nhead_vectors = [\"slope\"]\nquery_vectors = [\"q_doc\"]\n"
      "score = \"z * temperature + slope + bias\"\nmask = \"q_doc == 1\"\ntangents = [\"q\", \"bias\"]\n");
  Problem problem{3, 4, 2, 5, 7, 5, 7};
  auto shape = [&](const char *name) { return shapeOf(spec, problem, name); };
  for (const char *name : {"q", "tq", "dq", "dtq"}) EXPECT_EQ(shape(name), (Shape{3, 4, 5, 16})) << name;
  for (const char *name : {"o", "to", "do", "dto"}) EXPECT_EQ(shape(name), (Shape{3, 4, 5, 32})) << name;
  for (const char *name : {"lse", "mu", "dlse", "dmu"}) EXPECT_EQ(shape(name), (Shape{3, 4, 5})) << name;
  EXPECT_EQ(shape("k"), (Shape{3, 2, 7, 16}));
  EXPECT_EQ(shape("dv"), (Shape{3, 2, 7, 32}));
  for (const char *name : {"bias", "tbias", "dbias", "dtbias"}) EXPECT_EQ(shape(name), (Shape{1, 4, 1, 7})) << name;
  EXPECT_EQ(shape("mask"), (Shape{3, 1, 5, 7}));
  EXPECT_EQ(shape("temperature"), Shape{});
  EXPECT_EQ(shape("dtemperature"), Shape{});
  EXPECT_EQ(shape("slope"), (Shape{4}));
  EXPECT_EQ(shape("q_doc"), (Shape{3, 5}));
  EXPECT_EQ(shape("q_lengths"), (Shape{3}));
}

TEST(Shapes, PackedTensorsHaveNoBatch) {
  AttentionSpec spec = specFrom("layout = \"packed\"\nkv_vectors = [\"kv_doc\"]\nmask = \"kv_doc == 1\"\n");
  Problem problem{3, 4, 2, 5, 7, 11, 13};
  EXPECT_EQ(shapeOf(spec, problem, "q"), (Shape{1, 4, 11, 16}));
  EXPECT_EQ(shapeOf(spec, problem, "k"), (Shape{1, 2, 13, 16}));
  EXPECT_EQ(shapeOf(spec, problem, "lse"), (Shape{1, 4, 11}));
  EXPECT_EQ(shapeOf(spec, problem, "kv_doc"), (Shape{13}));
  EXPECT_EQ(shapeOf(spec, problem, "kv_offsets"), (Shape{4}));
  EXPECT_EQ(typeOf(spec, "kv_offsets"), DType::I32);
}

/// An element found by the view's strides is the element found by its place in the file.
TEST(Views, StridesLeadToTheElements) {
  AttentionSpec spec = specFrom("bias = { dims = [\"heads\", \"kv\"], dtype = \"f32\" }\n");
  HostTensor q("q", DType::BF16, {3, 4, 5, 16}), bias("bias", DType::F32, {1, 4, 1, 7}),
      lse("lse", DType::F32, {3, 4, 5});
  TensorView view = viewOf(spec, q);
  EXPECT_EQ(view.data, q.bytes.data());
  EXPECT_EQ(Shape(view.stride, view.stride + 4), (Shape{4 * 5 * 16, 5 * 16, 16, 0}));
  view = viewOf(spec, bias);
  EXPECT_EQ(Shape(view.stride, view.stride + 4), (Shape{0, 7, 0, 1}));
  view = viewOf(spec, lse, &spec);
  EXPECT_EQ(view.data, &spec);
  EXPECT_EQ(Shape(view.stride, view.stride + 4), (Shape{20, 5, 1, 0}));
  AttentionSpec packed = specFrom("layout = \"packed\"\n");
  view = viewOf(packed, HostTensor("k", DType::BF16, {1, 2, 13, 16}));
  EXPECT_EQ(Shape(view.stride, view.stride + 4), (Shape{0, 13 * 16, 0, 16}));
}

TEST(Problems, AreWhatTheTensorsState) {
  for (const char *layout : {"dense", "padded", "packed"}) {
    AttentionSpec spec = specFrom("layout = \"" + std::string(layout) + "\"\n");
    RandomInputs drawn = makeInputs(spec, {4, 6, 3, 9, 5}, 1);
    Result<Problem> problem = deduceProblem(spec, drawn.tensors, inputsOf(spec, "tangent_forward"));
    ASSERT_TRUE(problem) << problem.error().text();
    EXPECT_TRUE(*problem == drawn.problem) << layout;
    EXPECT_EQ(problem->q_length, 9);
    EXPECT_EQ(problem->group(), 2);
  }
}

TEST(Problems, ErrorsNameTensorExpectationAndReason) {
  AttentionSpec spec = specFrom("layout = \"padded\"\nscalars = [\"temperature\"]\nscore = \"z * temperature\"\n");
  AttentionSpec packed = specFrom("layout = \"packed\"\n");
  auto message = [](const AttentionSpec &spec, const std::function<void(TensorSet &)> &change) {
    TensorSet tensors = makeInputs(spec, {3, 4, 2, 9, 5}, 1).tensors;
    change(tensors);
    Result<Problem> problem = deduceProblem(spec, tensors, inputsOf(spec, "tangent_forward"));
    return problem ? "" : problem.error().message;
  };
  auto replace = [](std::string name, DType type, Shape shape) {
    return [=](TensorSet &tensors) { tensors[name] = HostTensor(name, type, shape); };
  };
  EXPECT_EQ(message(spec, [](TensorSet &t) { t.erase("k"); }),
            "tensor 'k' is missing; it must have type bf16 and shape [batch, kv_heads, kv_length, 16]");
  EXPECT_EQ(message(spec, replace("q", DType::F32, {3, 4, 9, 16})),
            "tensor 'q' has type f32; bf16 is expected; convert it or change the specification");
  EXPECT_EQ(
      message(spec, replace("v", DType::BF16, {3, 2, 6, 32})),
      "tensor 'v' has shape [3, 2, 6, 32]; [batch, kv_heads, kv_length, 32] is expected with batch = 3 (from 'q'), "
      "kv_heads = 2 (from 'q'), kv_length = 5 (from 'k')");
  EXPECT_EQ(message(spec, replace("q", DType::BF16, {3, 3, 9, 16})),
            "tensor 'q' has shape [3, 3, 9, 16]; [batch, heads, q_length, 16] is expected with batch = 3 (from 'q'); "
            "heads must be "
            "a multiple of group = 2");
  EXPECT_EQ(message(spec, replace("tq", DType::BF16, {3, 4, 9})),
            "tensor 'tq' has shape [3, 4, 9]; [batch, heads, q_length, 16] is expected with batch = 3 (from 'q'), "
            "heads = 4 (from "
            "'q'), q_length = 9 (from 'q')");
  EXPECT_EQ(message(spec, replace("temperature", DType::F32, {2})),
            "tensor 'temperature' has shape [2]; [] is expected");
  EXPECT_EQ(message(spec, replace("temperature", DType::F32, {1})), "");
  EXPECT_EQ(message(spec, [](TensorSet &t) { t["kv_lengths"].set(2, 6); }),
            "tensor 'kv_lengths' holds 6 for sequence 2; lengths from 0 to 5 are possible");
  EXPECT_EQ(message(packed, [](TensorSet &t) { t["q_offsets"].set(0, 1); }).substr(0, 38),
            "tensor 'q_offsets' must rise from 0 to");
}

TEST(Outputs, ArePoisoned) {
  for (const char *dtype : {"bf16", "f16", "f32"}) {
    AttentionSpec spec = specFrom("dtype = \"" + std::string(dtype) + "\"\n");
    for (const std::string &program : programsOf(spec))
      for (const auto &[name, tensor] : poisonedOutputs(spec, {1, 2, 1, 3, 4, 3, 4}, program)) {
        EXPECT_GT(tensor.elements(), 0);
        for (int64_t k = 0; k < tensor.elements(); ++k) ASSERT_TRUE(std::isnan(tensor.get(k))) << name;
      }
  }
}
