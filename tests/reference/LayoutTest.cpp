// Padded, packed and grouped problems against dense problems, one sequence and head at a time.
#include "reference/Evaluate.h"
#include "tests/reference/Specs.h"
#include "tools/tensors/RandomInputs.h"

#include <cmath>

using namespace jvpgen;

static const std::string kBody =
    "dtype = \"f32\"\nhead_dim_qk = 8\nhead_dim_v = 16\ngroup = 2\ncausal = \"bottom_right\"\n"
    "score = \"2 * tanh(z / 2)\"\n";

/// Rows [start, start + length) of sequence b (0 if the tensor is packed), as a tensor of batch 1.
static HostTensor slice(const HostTensor &from, int64_t b, int64_t start, int64_t length) {
  std::vector<int64_t> shape = from.shape;
  shape[0] = 1, shape[2] = length;
  HostTensor out(from.name, from.dtype, shape);
  int64_t features = from.shape.size() == 4 ? from.shape[3] : 1, row = 0;
  for (int64_t h = 0; h < from.shape[1]; ++h)
    for (int64_t i = 0; i < length; ++i, ++row)
      for (int64_t d = 0; d < features; ++d)
        out.set(row * features + d, from.get((((b * from.shape[1]) + h) * from.shape[2] + start + i) * features + d));
  return out;
}

static reference::TensorSet64 evaluated(const AttentionSpec &spec, const Problem &problem, const TensorSet &inputs,
                                        const std::string &program) {
  Result<reference::TensorSet64> out = reference::evaluate(spec, problem, inputs, program);
  EXPECT_TRUE(out) << (out ? "" : out.error().text());
  return out.value_or(reference::TensorSet64());
}

/// Every sequence by itself gives what the whole gives; what is left of a padded tensor is 0 (lse: -inf).
static void checkSequences(const std::string &layout) {
  AttentionSpec spec = specFrom("name = \"x\"\nlayout = \"" + layout + "\"\n" + kBody);
  AttentionSpec dense = specFrom("name = \"x\"\n" + kBody);
  RandomInputs drawn = makeInputs(spec, {4, 4, 2, 7, 6}, 11);
  bool packed = layout == "packed";
  auto lengthOf = [&](const std::string &side, int64_t b, int64_t &start) {
    const HostTensor &x = drawn.tensors.at(side + (packed ? "_offsets" : "_lengths"));
    start = packed ? int64_t(x.get(b)) : 0;
    return int64_t(packed ? x.get(b + 1) - x.get(b) : x.get(b));
  };
  for (const std::string &program : programsOf(spec)) {
    reference::TensorSet64 whole = evaluated(spec, drawn.problem, drawn.tensors, program);
    std::map<std::string, double> left; // what the sequences do not account for
    for (const auto &[name, tensor] : whole)
      for (double x : tensor.values) left[name] += std::isinf(x) ? 0 : std::fabs(x);
    for (int64_t b = 0; b < 4; ++b) {
      int64_t qStart = 0, kvStart = 0, q = lengthOf("q", b, qStart), kv = lengthOf("kv", b, kvStart);
      Problem problem{1, 4, 2, q, kv, q, kv};
      auto part = [&](const HostTensor &x) {
        bool query = indicesOf(spec, x.name).find('i') != std::string::npos;
        return slice(x, packed ? 0 : b, query ? qStart : kvStart, query ? q : kv);
      };
      TensorSet inputs;
      for (const auto &[name, tensor] : drawn.tensors)
        if (tensor.shape.size() > 2) inputs.emplace(name, part(tensor));
      for (const auto &[name, tensor] : evaluated(dense, problem, inputs, program)) {
        HostTensor all(name, DType::F32, whole.at(name).shape);
        for (int64_t k = 0; k < all.elements(); ++k) all.set(k, whole.at(name).values[size_t(k)]);
        HostTensor own = part(all);
        for (int64_t k = 0; k < own.elements(); ++k) {
          ASSERT_EQ(float(own.get(k)), float(tensor.values[size_t(k)])) << program << " " << name << " sequence " << b;
          left[name] -= std::isinf(own.get(k)) ? 0 : std::fabs(tensor.values[size_t(k)]);
        }
      }
    }
    for (const auto &[name, rest] : left) EXPECT_NEAR(rest, 0, 1e-9) << name;
  }
}

TEST(Layouts, PaddedSequencesAreSequences) { checkSequences("padded"); }
TEST(Layouts, PackedSequencesAreSequences) { checkSequences("packed"); }

TEST(Layouts, QueryHeadsOfAGroupAddUp) {
  AttentionSpec grouped = specFrom("name = \"x\"\n" + kBody), single = grouped;
  single.group = 1;
  RandomInputs drawn = makeInputs(grouped, {2, 4, 2, 5, 6}, 3);
  TensorSet repeated = drawn.tensors;
  for (const char *name : {"k", "v", "tk", "tv"}) {
    HostTensor &from = drawn.tensors.at(name), to(name, DType::F32, {2, 4, 6, from.shape[3]});
    int64_t plane = 6 * from.shape[3];
    for (int64_t k = 0; k < to.elements(); ++k) to.set(k, from.get((k / plane / 2) * plane + k % plane));
    repeated.at(name) = to;
  }
  reference::TensorSet64 want = evaluated(single, {2, 4, 4, 5, 6, 5, 6}, repeated, "tangent_backward");
  for (const auto &[name, tensor] : evaluated(grouped, drawn.problem, drawn.tensors, "tangent_backward")) {
    const std::vector<double> &one = want.at(name).values;
    int64_t plane = tensor.shape[2] * tensor.shape[3];
    bool perQueryHead = tensor.values.size() == one.size();
    for (int64_t k = 0; k < int64_t(tensor.values.size()); ++k) {
      int64_t first = (k / plane) * 2 * plane + k % plane;
      double sum = perQueryHead ? one[size_t(k)] : one[size_t(first)] + one[size_t(first + plane)];
      ASSERT_NEAR(tensor.values[size_t(k)], sum, 1e-12) << name;
    }
  }
}

TEST(Layouts, MinusInfinityInABiasIsAMask) {
  std::string head = "name = \"x\"\ndtype = \"f32\"\nhead_dim_qk = 8\n";
  AttentionSpec biased = specFrom(head + "bias = { dims = [\"heads\", \"q\", \"kv\"] }\nscore = \"z + 0 * bias\"\n");
  AttentionSpec masked = specFrom(head + "mask_tensor = { dims = [\"heads\", \"q\", \"kv\"] }\n");
  RandomInputs drawn = makeInputs(biased, {2, 2, 2, 9, 3}, 4, {.bias_infinities = 0.6});
  TensorSet inputs = drawn.tensors;
  const HostTensor &bias = drawn.tensors.at("bias");
  HostTensor mask("mask", DType::I8, bias.shape);
  for (int64_t k = 0; k < mask.elements(); ++k) mask.set(k, std::isfinite(bias.get(k)));
  inputs.emplace("mask", mask);
  int empty = 0;
  for (const char *program : {"tangent_forward", "tangent_backward"}) {
    reference::TensorSet64 got = evaluated(biased, drawn.problem, drawn.tensors, program);
    for (const auto &[name, tensor] : evaluated(masked, drawn.problem, inputs, program))
      for (size_t k = 0; k < tensor.values.size(); ++k) {
        ASSERT_EQ(got.at(name).values[k], tensor.values[k]) << name;
        empty += std::isinf(tensor.values[k]);
      }
  }
  EXPECT_GT(empty, 0) << "a row without keys should have been among them";
}

TEST(Layouts, LengthsOfZero) {
  AttentionSpec spec = specFrom("name = \"x\"\n" + kBody);
  for (auto [q, kv] : {std::pair(0, 5), std::pair(5, 0), std::pair(0, 0)}) {
    RandomInputs drawn = makeInputs(spec, {2, 4, 2, q, kv}, 4);
    for (const std::string &program : programsOf(spec))
      for (const auto &[name, tensor] : evaluated(spec, drawn.problem, drawn.tensors, program))
        for (double x : tensor.values) EXPECT_EQ(x, name == "lse" ? -INFINITY : 0) << name;
  }
}

TEST(Layouts, WrongInputsAreRefused) {
  AttentionSpec spec = specFrom("name = \"x\"\n" + kBody);
  RandomInputs drawn = makeInputs(spec, {2, 4, 2, 5, 6}, 4);
  Problem other = drawn.problem;
  other.q_length = 6;
  EXPECT_FALSE(reference::evaluate(spec, other, drawn.tensors, "forward"));
  drawn.tensors.erase("k");
  Result<reference::TensorSet64> missing = reference::evaluate(spec, drawn.problem, drawn.tensors, "forward");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("tensor 'k' is missing"), std::string::npos) << missing.error().message;
}
