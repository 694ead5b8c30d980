// What random inputs promise.
#include "tools/tensors/RandomInputs.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

using namespace jvpgen;

static AttentionSpec specFrom(const std::string &toml) {
  Result<AttentionSpec> spec = parseSpec("name = \"x\"\nhead_dim_qk = 16\n" + toml, "test.toml");
  EXPECT_TRUE(spec) << (spec ? "" : spec.error().text());
  return spec.value_or(AttentionSpec());
}

TEST(RandomInputs, AreStandardNormalAndRepeatable) {
  AttentionSpec spec = specFrom("dtype = \"f32\"\n");
  Problem problem{2, 2, 2, 200, 200};
  RandomInputs one = makeInputs(spec, problem, 1), again = makeInputs(spec, problem, 1),
               other = makeInputs(spec, problem, 2);
  for (const char *name : {"q", "k", "v", "tq", "tk", "tv", "do", "dto", "dlse", "dmu"}) {
    const HostTensor &tensor = one.tensors.at(name);
    EXPECT_EQ(tensor.bytes, again.tensors.at(name).bytes);
    EXPECT_NE(tensor.bytes, other.tensors.at(name).bytes);
    double sum = 0, squares = 0, n = double(tensor.elements());
    for (int64_t k = 0; k < tensor.elements(); ++k) sum += tensor.get(k), squares += tensor.get(k) * tensor.get(k);
    EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n)) << name;
    EXPECT_NEAR(squares / n, 1, 8 / std::sqrt(n)) << name;
  }
  EXPECT_NE(one.tensors.at("q").bytes, one.tensors.at("k").bytes);
  RandomInputs wide = makeInputs(spec, problem, 1, {.q_scale = 8, .tangent_mean = 3, .bias_infinities = 0});
  EXPECT_NEAR(wide.tensors.at("q").get(7), 8 * one.tensors.at("q").get(7), 1e-5);
  EXPECT_NEAR(wide.tensors.at("tk").get(7), 3 + one.tensors.at("tk").get(7), 1e-5);
  EXPECT_EQ(wide.tensors.at("k").bytes, one.tensors.at("k").bytes);
}

TEST(RandomInputs, LengthsReachBothEndsAndPaddingIsPoison) {
  AttentionSpec spec = specFrom("layout = \"padded\"\n");
  RandomInputs drawn = makeInputs(spec, {5, 2, 2, 19, 23}, 1);
  const HostTensor &lengths = drawn.tensors.at("q_lengths"), &q = drawn.tensors.at("q");
  EXPECT_EQ(lengths.get(0), 19);
  EXPECT_EQ(lengths.get(1), 0);
  int poisoned = 0, padded = 0;
  for (int64_t k = 0; k < q.elements(); ++k) {
    bool padding = double(k / 16 % 19) >= lengths.get(k / (16 * 19 * 2));
    if (!padding) ASSERT_TRUE(std::isfinite(q.get(k)));
    padded += padding, poisoned += !std::isfinite(q.get(k));
  }
  EXPECT_GT(padded, 0);
  EXPECT_EQ(poisoned, padded / 4 * 3);
}

TEST(RandomInputs, PackedSequencesFillTheirTensors) {
  AttentionSpec spec = specFrom(
      "layout = \"packed\"\nquery_vectors = [\"q_doc\"]\nkv_vectors = [\"kv_doc\"]\nmask = \"q_doc == kv_doc\"\n");
  RandomInputs drawn = makeInputs(spec, {4, 2, 2, 40, 30}, 1);
  const HostTensor &offsets = drawn.tensors.at("q_offsets"), &ids = drawn.tensors.at("q_doc");
  EXPECT_EQ(drawn.problem.q_total, int64_t(offsets.get(4)));
  EXPECT_EQ(drawn.tensors.at("q").shape[2], drawn.problem.q_total);
  for (int64_t b = 0; b < 4; ++b)
    for (int64_t k = int64_t(offsets.get(b)) + 1; k < int64_t(offsets.get(b + 1)); ++k)
      EXPECT_LE(ids.get(k - 1), ids.get(k));
  EXPECT_GT(ids.get(39), ids.get(0));
}

TEST(RandomInputs, NamedInputs) {
  AttentionSpec spec = specFrom("mask_tensor = { dims = [\"heads\", \"q\", \"kv\"] }\nscalars = [\"temperature\"]\n"
                                "head_vectors = [\"slope\"]\nscore = \"z * temperature + slope\"\n"
                                "bias = { dims = [\"q\", \"kv\"], dtype = \"f32\" }\n");
  for (uint64_t seed = 0; seed < 20; ++seed)
    EXPECT_GE(makeInputs(spec, {1, 4, 4, 4, 4}, seed).tensors.at("temperature").get(0), 0.5);
  RandomInputs drawn =
      makeInputs(spec, {1, 4, 4, 64, 64}, 3, {.q_scale = 1, .tangent_mean = 0, .bias_infinities = 0.25});
  const HostTensor &mask = drawn.tensors.at("mask"), &bias = drawn.tensors.at("bias");
  int kept = 0, emptyRows = 0, infinite = 0;
  for (int64_t row = 0; row < 4 * 64; ++row) {
    int inRow = 0;
    for (int64_t j = 0; j < 64; ++j) inRow += mask.get(row * 64 + j) != 0;
    kept += inRow, emptyRows += inRow == 0;
  }
  for (int64_t k = 0; k < bias.elements(); ++k) infinite += std::isinf(bias.get(k));
  EXPECT_NEAR(kept, 0.76 * 4 * 64 * 64, 800);
  EXPECT_GT(emptyRows, 0);
  EXPECT_NEAR(infinite, 1024, 150);
}

TEST(RandomInputs, SlopesOfHeads) {
  AttentionSpec spec = specFrom("head_vectors = [\"slope\"]\nscore = \"z - slope * abs(q_index - kv_index)\"\n");
  RandomInputs drawn = makeInputs(spec, {2, 8, 8, 4, 4}, 1, {.geometric_head_vectors = true});
  const HostTensor &slope = drawn.tensors.at("slope");
  ASSERT_EQ(slope.elements(), 8);
  for (int64_t h = 0; h < 8; ++h) EXPECT_EQ(slope.get(h), std::exp2(-double(h + 1)));
}

TEST(RandomInputs, TilesAreKeptAsAWhole) {
  AttentionSpec spec = specFrom("mask_tensor = { dims = [\"heads\", \"q\", \"kv\"] }\n");
  RandomOptions options{.kept_tiles = {.share = 0.25, .size = 8}};
  RandomInputs drawn = makeInputs(spec, {1, 2, 2, 100, 60}, 5, options); // 13 x 8 tiles, ragged on both sides
  const HostTensor &mask = drawn.tensors.at("mask");
  EXPECT_NE(mask.bytes, makeInputs(spec, {1, 2, 2, 100, 60}, 6, options).tensors.at("mask").bytes);
  for (int64_t head = 0; head < 2; ++head) {
    int kept = 0;
    for (int64_t i = 0; i < 100; i += 8) {
      int inRow = 0;
      for (int64_t j = 0; j < 60; j += 8) {
        const double first = mask.get((head * 100 + i) * 60 + j);
        for (int64_t x = i; x < std::min<int64_t>(i + 8, 100); ++x)
          for (int64_t y = j; y < std::min<int64_t>(j + 8, 60); ++y)
            ASSERT_EQ(mask.get((head * 100 + x) * 60 + y), first);
        inRow += first != 0;
      }
      EXPECT_GE(inRow, 1) << "tiles at query " << i;
      kept += inRow;
    }
    EXPECT_EQ(kept, 26) << "a quarter of 104";
  }
  EXPECT_NE(std::vector(mask.bytes.begin(), mask.bytes.begin() + 6000),
            std::vector(mask.bytes.begin() + 6000, mask.bytes.end()));
}
