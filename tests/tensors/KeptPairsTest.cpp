// Counts of kept pairs against loops over all pairs with the predicate written in C++.
#include "tools/tensors/KeptPairs.h"
#include "tools/tensors/RandomInputs.h"

#include <functional>
#include <gtest/gtest.h>

using namespace jvpgen;

namespace {

struct Pair {
  int64_t b, h, i, j, q_length, kv_length;
};

struct Drawn {
  AttentionSpec spec;
  RandomInputs inputs;

  int64_t counted() const { return countKeptPairs(spec, inputs.problem, inputs.tensors); }
  double value(const char *tensor, int64_t element) const { return inputs.tensors.at(tensor).get(element); }

  /// Pairs for which the predicate holds, one after the other.
  int64_t looped(const std::function<bool(const Pair &)> &keeps) const {
    int64_t count = 0;
    const Problem &p = inputs.problem;
    for (int64_t b = 0; b < p.batch; ++b) {
      int64_t q = p.q_length, kv = p.kv_length;
      if (spec.layout == Layout::Padded) q = int64_t(value("q_lengths", b)), kv = int64_t(value("kv_lengths", b));
      if (spec.layout == Layout::Packed) {
        q = int64_t(value("q_offsets", b + 1) - value("q_offsets", b));
        kv = int64_t(value("kv_offsets", b + 1) - value("kv_offsets", b));
      }
      for (int64_t h = 0; h < p.heads; ++h)
        for (int64_t i = 0; i < q; ++i)
          for (int64_t j = 0; j < kv; ++j) count += keeps({b, h, i, j, q, kv});
    }
    return count;
  }
};

Drawn draw(const std::string &toml, Problem shape) {
  AttentionSpec spec = parseSpec(toml, "kept.toml").value();
  shape.kv_heads = shape.heads / spec.group;
  shape.q_total = shape.q_length, shape.kv_total = shape.kv_length;
  return {spec, makeInputs(spec, shape, 7)};
}

Problem shape(int64_t batch, int64_t heads, int64_t q, int64_t kv) {
  return {.batch = batch, .heads = heads, .q_length = q, .kv_length = kv};
}

} // namespace

TEST(KeptPairs, AllOfThemWithoutAMask) {
  EXPECT_EQ(draw("", shape(3, 5, 70, 41)).counted(), 3 * 5 * 70 * 41);
  EXPECT_EQ(draw("", shape(3, 5, 0, 41)).counted(), 0);
}

TEST(KeptPairs, Causal) {
  EXPECT_EQ(draw("causal = 'top_left'", shape(1, 1, 8192, 8192)).counted(), int64_t(8192) * 8193 / 2);
  Drawn bottom = draw("causal = 'bottom_right'", shape(2, 4, 33, 50));
  EXPECT_EQ(bottom.counted(), bottom.looped([](const Pair &p) { return p.j <= p.i + p.kv_length - p.q_length; }));
}

TEST(KeptPairs, EveryOperationOfAPredicate) {
  Drawn d = draw("int_scalars = ['sinks']\n"
                 "mask = 'kv_index < sinks || !(abs(q_index - kv_index) * 2 >= 9 + head) && "
                 "min(batch, 1) != max(-kv_index, -3) + 3 || q_index == kv_length'",
                 shape(2, 3, 60, 45));
  auto sinks = int64_t(d.value("sinks", 0));
  EXPECT_EQ(d.counted(), d.looped([=](const Pair &p) {
    return p.j < sinks ||
           (!(std::abs(p.i - p.j) * 2 >= 9 + p.h) && std::min<int64_t>(p.b, 1) != std::max<int64_t>(-p.j, -3) + 3) ||
           p.i == p.kv_length;
  }));
}

TEST(KeptPairs, LengthsOfPaddedSequences) {
  Drawn d = draw("layout = 'padded'\ncausal = 'bottom_right'", shape(5, 2, 31, 64));
  EXPECT_EQ(d.counted(), d.looped([](const Pair &p) { return p.j <= p.i + p.kv_length - p.q_length; }));
  EXPECT_LT(d.counted(), d.looped([](const Pair &) { return true; }));
}

TEST(KeptPairs, DocumentsOfPackedSequences) {
  Drawn d = draw("layout = 'packed'\nquery_vectors = ['q_doc']\nkv_vectors = ['kv_doc']\nmask = 'q_doc == kv_doc'",
                 shape(4, 2, 50, 40));
  EXPECT_EQ(d.counted(), d.looped([&](const Pair &p) {
    return d.value("q_doc", int64_t(d.value("q_offsets", p.b)) + p.i) ==
           d.value("kv_doc", int64_t(d.value("kv_offsets", p.b)) + p.j);
  }));
}

TEST(KeptPairs, BooleanTensorsBroadcastOrNot) {
  Drawn keys = draw("mask_tensor = { dims = ['batch', 'kv'] }\ncausal = 'top_left'", shape(3, 2, 40, 30));
  EXPECT_EQ(keys.counted(),
            keys.looped([&](const Pair &p) { return p.j <= p.i && keys.value("mask", p.b * 30 + p.j) != 0; }));
  Drawn packed = draw("layout = 'packed'\nmask_tensor = { dims = ['batch', 'q', 'kv'] }", shape(3, 2, 40, 30));
  int64_t rows = packed.inputs.problem.q_length, columns = packed.inputs.problem.kv_length;
  EXPECT_EQ(packed.counted(), packed.looped([&](const Pair &p) {
    return packed.value("mask", (p.b * rows + p.i) * columns + p.j) != 0;
  }));
  Drawn full = draw("group = 2\nmask_tensor = { dims = ['heads', 'q', 'kv'] }", shape(3, 4, 40, 30));
  EXPECT_EQ(full.counted(),
            full.looped([&](const Pair &p) { return full.value("mask", (p.h * 40 + p.i) * 30 + p.j) != 0; }));
}
