// Every program and variant of specifications, judged by the float64 reference.
#include "compiler/cpu/Compile.h"
#include "reference/Verify.h"
#include "tests/cpu/Plans.h"

using namespace jvpgen;

namespace {

/// A specification's variants, compiled when they are first run.
class Variants {
public:
  explicit Variants(const std::string &toml) {
    auto parsed = parseSpec(toml, "test.toml");
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text());
    if (!parsed) return;
    spec = *parsed;
    planned.emplace(spec);
  }

  size_t most() const {
    size_t n = 0;
    for (auto &[name, list] : planned->plans) n = std::max(n, list.size());
    return n;
  }

  /// Runs the k-th variant of each program (the last if it has fewer).
  void judge(const reference::Judge &judge, size_t k) {
    auto records = judge.judge([&](std::string_view name, const Problem &problem, TensorSet &inputs,
                                   TensorSet &outputs) { return run(std::string(name), k, problem, inputs, outputs); });
    ASSERT_TRUE(records) << records.error().text();
    for (const reference::Record &r : *records)
      EXPECT_TRUE(r.passed) << spec.name << " " << r.program << " (variant " << variantName(r.program, k) << ") "
                            << r.output << ": error " << r.relative_error << " limit " << r.limit << ", worst row "
                            << r.worst_row_error << " limit " << r.row_limit << " " << r.complaint;
  }

  AttentionSpec spec;

private:
  attn::PlanOp plan(const std::string &name, size_t k) {
    auto &plans = planned->plans[name];
    return plans[std::min(k, plans.size() - 1)];
  }
  std::string variantName(const std::string &name, size_t k) { return plan(name, k).getVariant().str(); }

  Result<void> run(const std::string &name, size_t k, const Problem &problem, TensorSet &inputs, TensorSet &outputs) {
    attn::PlanOp op = plan(name, k);
    auto &executable = compiled[op.getSymName().str()];
    if (!executable) {
      auto result = compileForCpu(*planned->module, op, {.threads = 2});
      if (!result) return tl::unexpected(result.error());
      executable = std::move(*result);
    }
    TensorMap views = viewsOf(spec, inputs);
    for (auto &[name, view] : viewsOf(spec, outputs)) views[name] = view;
    std::vector<char> workspace(executable->workspaceBytes(problem), char(0xff));
    return executable->launch(problem, views, workspace.data(), nullptr);
  }

  std::optional<test::PlannedPrograms> planned;
  std::map<std::string, std::unique_ptr<Executable>> compiled;
};

struct SpecCase {
  std::string name, toml;
  std::vector<Problem> problems;
  RandomOptions inputs = {};
};

void PrintTo(const SpecCase &c, std::ostream *out) { *out << c.name; }

class Specs : public testing::TestWithParam<SpecCase> {};

TEST_P(Specs, EveryVariant) {
  Variants variants("name = \"" + GetParam().name + "\"\n" + GetParam().toml);
  uint64_t seed = 1;
  for (const Problem &problem : GetParam().problems) {
    auto judge = reference::Judge::prepare(variants.spec, problem,
                                           {.seed = seed++, .inputs = GetParam().inputs, .programs = {}});
    ASSERT_TRUE(judge) << judge.error().text();
    for (size_t k = 0; k < variants.most(); ++k) variants.judge(*judge, k);
  }
}

Problem shape(int64_t batch, int64_t heads, int64_t kv_heads, int64_t q, int64_t kv) {
  return {batch, heads, kv_heads, q, kv, q, kv};
}

const std::string kSmall = "dtype = \"f32\"\nhead_dim_qk = 16\n";
const std::vector<Problem> kUsual = {shape(2, 2, 2, 70, 45)};

INSTANTIATE_TEST_SUITE_P(
    Shapes, Specs,
    testing::Values(
        SpecCase{"plain",
                 kSmall,
                 {shape(2, 2, 2, 70, 45), shape(1, 1, 1, 1, 1), shape(2, 1, 1, 3, 0), shape(1, 2, 2, 0, 3)}},
        SpecCase{"longer_than_blocks", kSmall, {shape(1, 1, 1, 300, 290)}},
        SpecCase{"owners_that_share", kSmall + "layout = \"padded\"\n", {shape(2, 1, 1, 40, 1200)}},
        SpecCase{"group", kSmall + "group = 3\nhead_dim_v = 24\n", {shape(2, 6, 2, 70, 67)}},
        SpecCase{"one_key_head", kSmall + "group = 4\nhead_dim_v = 8\n", {shape(2, 4, 1, 33, 67)}},
        SpecCase{"wide", "dtype = \"f32\"\nhead_dim_qk = 256\nhead_dim_v = 128\n", {shape(1, 2, 2, 70, 67)}},
        SpecCase{"narrow", "dtype = \"f32\"\nhead_dim_qk = 8\nhead_dim_v = 136\n", {shape(1, 2, 2, 70, 67)}},
        SpecCase{"bf16", "dtype = \"bf16\"\nhead_dim_qk = 64\ncausal = \"top_left\"\n", {shape(2, 2, 2, 130, 130)}},
        SpecCase{"f16", "dtype = \"f16\"\nhead_dim_qk = 40\nhead_dim_v = 24\n", {shape(2, 2, 2, 65, 129)}},
        SpecCase{"padded", kSmall + "layout = \"padded\"\ngroup = 2\n", {shape(4, 4, 2, 70, 90)}},
        SpecCase{"padded_bf16",
                 "dtype = \"bf16\"\nhead_dim_qk = 32\nlayout = \"padded\"\ncausal = \"bottom_right\"\n",
                 {shape(4, 2, 2, 140, 90)}},
        SpecCase{"packed", kSmall + "layout = \"packed\"\ncausal = \"top_left\"\n", {shape(4, 2, 2, 70, 90)}},
        SpecCase{"packed_group", kSmall + "layout = \"packed\"\ngroup = 2\n", {shape(5, 4, 2, 150, 70)}}),
    [](const auto &info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Masks, Specs,
    testing::Values(
        SpecCase{"causal", kSmall + "causal = \"top_left\"\n", {shape(2, 2, 2, 150, 140)}},
        SpecCase{"bottom_right_empty_rows", kSmall + "causal = \"bottom_right\"\n", {shape(2, 2, 2, 150, 33)}},
        SpecCase{"window", kSmall + "window = [20, 3]\n", {shape(1, 2, 2, 200, 170)}},
        SpecCase{"window_that_misses", kSmall + "window = [3, -1]\n", {shape(1, 2, 2, 40, 20)}},
        SpecCase{"tensor", kSmall + "mask_tensor = { dims = [\"batch\", \"q\", \"kv\"] }\n", kUsual},
        SpecCase{"tensor_of_keys", kSmall + "mask_tensor = { dims = [\"batch\", \"kv\"] }\nlayout = \"padded\"\n",
                 kUsual},
        SpecCase{"infinite_bias",
                 kSmall + "tangents = [\"q\", \"k\", \"v\", \"bias\"]\n"
                          "bias = { dims = [\"heads\", \"q\", \"kv\"], dtype = \"f32\" }\n",
                 kUsual,
                 {.bias_infinities = 0.3}},
        SpecCase{"integer_scalar",
                 kSmall + "int_scalars = [\"reach\"]\nmask = \"q_index - kv_index < reach && head != 1\"\n", kUsual},
        SpecCase{"documents",
                 kSmall + "layout = \"packed\"\ncausal = \"top_left\"\nquery_vectors = [\"q_doc\"]\n"
                          "kv_vectors = [\"kv_doc\"]\nmask = \"q_doc == kv_doc\"\n",
                 {shape(3, 2, 2, 200, 190)}},
        SpecCase{"dense_documents",
                 kSmall + "query_vectors = [\"q_doc\"]\nkv_vectors = [\"kv_doc\"]\n"
                          "mask = \"q_doc == kv_doc || batch == 1 && kv_index < 9\"\n",
                 {shape(3, 2, 2, 200, 190)}}),
    [](const auto &info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Scores, Specs,
    testing::Values(
        SpecCase{"softcap", kSmall + "score = \"30 * tanh(z / 30)\"\n", kUsual, {.q_scale = 8}},
        SpecCase{"temperature",
                 kSmall + "scalars = [\"temperature\"]\nscore = \"z * temperature\"\n"
                          "tangents = [\"q\", \"k\", \"v\", \"temperature\"]\n",
                 kUsual},
        SpecCase{"alibi",
                 kSmall + "head_vectors = [\"slope\"]\nscore = \"z - slope * abs(q_index - kv_index)\"\n"
                          "tangents = [\"q\", \"k\", \"v\", \"slope\"]\ngroup = 2\n",
                 {shape(2, 4, 2, 70, 45)}},
        SpecCase{"bias",
                 kSmall + "tangents = [\"q\", \"k\", \"v\", \"bias\"]\n"
                          "bias = { dims = [\"heads\", \"q\", \"kv\"], dtype = \"f32\" }\n",
                 kUsual},
        SpecCase{"bias_in_softcap",
                 kSmall + "tangents = [\"q\", \"k\", \"v\", \"bias\"]\nlayout = \"padded\"\n"
                          "bias = { dims = [\"batch\", \"heads\", \"q\", \"kv\"], dtype = \"bf16\" }\n"
                          "score = \"10 * tanh((z + bias * bias) / 10)\"\n",
                 {shape(3, 2, 2, 70, 45)}},
        SpecCase{"bias_of_keys", kSmall + "bias = { dims = [\"kv\"], dtype = \"f32\" }\ntangents = [\"bias\"]\n",
                 kUsual},
        SpecCase{"bias_of_queries",
                 kSmall + "bias = { dims = [\"heads\", \"q\"], dtype = \"f16\" }\ntangents = [\"q\", \"bias\"]\n"
                          "score = \"z * (1 + bias * bias)\"\n",
                 kUsual},
        SpecCase{"functions",
                 kSmall + "scalars = [\"a\"]\nscore = \"where(z < 0, sqrt(1 + z * z), log(1 + exp(z)) + a) + min(z, 2) "
                          "- max(a, z)\"\n"
                          "tangents = [\"q\", \"k\", \"v\", \"a\"]\n",
                 kUsual},
        SpecCase{
            "lengths",
            kSmall +
                "layout = \"padded\"\nscore = \"z * (1 + batch) - (q_length - kv_length) / (1 + head + q_index)\"\n",
            kUsual}),
    [](const auto &info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Subsets, Specs,
    testing::Values(SpecCase{"q_only", kSmall + "tangents = [\"q\"]\n", kUsual},
                    SpecCase{"k_only", kSmall + "tangents = [\"k\"]\n", kUsual},
                    SpecCase{"v_only", kSmall + "tangents = [\"v\"]\n", kUsual},
                    SpecCase{"means_that_only_empty_rows_lack",
                             kSmall + "causal = \"bottom_right\"\ntangents = [\"v\", \"bias\"]\n"
                                      "bias = { dims = [\"heads\", \"q\"], dtype = \"f32\" }\n",
                             {shape(2, 2, 2, 70, 33), shape(1, 2, 2, 9, 0)}},
                    SpecCase{"without_o", kSmall + "outputs = [\"lse\", \"mu\"]\ncotangents = [\"lse\", \"mu\"]\n",
                             kUsual},
                    SpecCase{"hvp", kSmall + "cotangents = [\"to\"]\ngradients = [\"q\", \"k\", \"v\"]\n", kUsual}),
    [](const auto &info) { return info.param.name; });

} // namespace
