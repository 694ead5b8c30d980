// Every program and variant of specifications, judged by the float64 reference.
#include "compiler/cpu/Compile.h"
#include "compiler/derive/Derive.h"
#include "compiler/ir/Declarations.h"
#include "compiler/plan/Plan.h"
#include "reference/Verify.h"
#include "support/AtomicFile.h"
#include <gtest/gtest.h>

#include "mlir/IR/Verifier.h"

using namespace jvpgen;

namespace {

/// A specification's variants, compiled when they are first run.
class Variants {
public:
  explicit Variants(const std::string &toml) : context(mlir::MLIRContext::Threading::DISABLED) {
    auto parsed = parseSpec(toml, "test.toml");
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text());
    if (!parsed) return;
    spec = *parsed;
    attn::registerDialects(context);
    module = declareModule(context, spec);
    for (const std::string &name : programsOf(spec)) {
      auto program = deriveProgram(terms, spec, name);
      if (!program) {
        ADD_FAILURE() << program.error().text();
        continue;
      }
      auto planned = planProgram(*module, *program);
      if (planned) plans[name] = planned->plans;
      else ADD_FAILURE() << planned.error().text();
    }
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
  }

  size_t most() const {
    size_t n = 0;
    for (auto &[name, list] : plans) n = std::max(n, list.size());
    return n;
  }

  /// Runs the k-th variant of each program (the last if it has fewer).
  void judge(const reference::Judge &judge, size_t k) {
    auto records = judge.judge([&](std::string_view name, const Problem &problem, TensorSet &inputs, TensorSet &outputs) {
      return run(std::string(name), k, problem, inputs, outputs);
    });
    ASSERT_TRUE(records) << records.error().text();
    for (const reference::Record &r : *records)
      EXPECT_TRUE(r.passed) << spec.name << " " << r.program << " (variant " << variantName(r.program, k) << ") " << r.output
                            << ": error " << r.relative_error << " limit " << r.limit << ", worst row " << r.worst_row_error
                            << " limit " << r.row_limit << " " << r.complaint;
  }

  AttentionSpec spec;

private:
  attn::PlanOp plan(const std::string &name, size_t k) { return plans[name][std::min(k, plans[name].size() - 1)]; }
  std::string variantName(const std::string &name, size_t k) { return plan(name, k).getVariant().str(); }

  Result<void> run(const std::string &name, size_t k, const Problem &problem, TensorSet &inputs, TensorSet &outputs) {
    attn::PlanOp op = plan(name, k);
    auto &executable = compiled[op.getSymName().str()];
    if (!executable) {
      auto result = compileForCpu(*module, op, {.threads = 2});
      if (!result) return tl::unexpected(result.error());
      executable = std::move(*result);
    }
    TensorMap views = viewsOf(spec, inputs);
    for (auto &[name, view] : viewsOf(spec, outputs)) views[name] = view;
    std::vector<char> workspace(executable->workspaceBytes(problem), char(0xff));
    return executable->launch(problem, views, workspace.data(), nullptr);
  }

  mlir::MLIRContext context;
  TermContext terms;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, std::vector<attn::PlanOp>> plans;
  std::map<std::string, std::unique_ptr<Executable>> compiled;
};

struct SpecCase {
  std::string name, toml;
  std::vector<Problem> problems;
};

void PrintTo(const SpecCase &c, std::ostream *out) { *out << c.name; }

class Specs : public testing::TestWithParam<SpecCase> {};

TEST_P(Specs, EveryVariant) {
  Variants variants("name = \"" + GetParam().name + "\"\n" + GetParam().toml);
  uint64_t seed = 1;
  for (const Problem &problem : GetParam().problems) {
    auto judge = reference::Judge::prepare(variants.spec, problem, {.seed = seed++, .inputs = {}, .programs = {}});
    ASSERT_TRUE(judge) << judge.error().text();
    for (size_t k = 0; k < variants.most(); ++k) variants.judge(*judge, k);
  }
}

Problem shape(int64_t batch, int64_t heads, int64_t kv_heads, int64_t q, int64_t kv) { return {batch, heads, kv_heads, q, kv, q, kv}; }

const std::string kSmall = "dtype = \"f32\"\nhead_dim_qk = 16\n";

INSTANTIATE_TEST_SUITE_P(
    Cpu, Specs,
    testing::Values(
        SpecCase{"plain", kSmall, {shape(2, 2, 2, 70, 45), shape(1, 1, 1, 1, 1), shape(2, 1, 1, 3, 0), shape(1, 2, 2, 0, 3)}},
        SpecCase{"causal", kSmall + "causal = \"top_left\"\n", {shape(2, 2, 2, 150, 140)}},
        SpecCase{"bottom_right_empty_rows", kSmall + "causal = \"bottom_right\"\n", {shape(2, 2, 2, 150, 33)}},
        SpecCase{"window", kSmall + "window = [20, 3]\n", {shape(1, 2, 2, 200, 170)}},
        SpecCase{"group", kSmall + "group = 3\nhead_dim_v = 24\n", {shape(2, 6, 2, 70, 67)}},
        SpecCase{"bf16", "dtype = \"bf16\"\nhead_dim_qk = 64\ncausal = \"top_left\"\n", {shape(2, 2, 2, 130, 130)}},
        SpecCase{"f16", "dtype = \"f16\"\nhead_dim_qk = 40\nhead_dim_v = 24\n", {shape(2, 2, 2, 65, 129)}},
        SpecCase{"padded", kSmall + "layout = \"padded\"\ngroup = 2\n", {shape(4, 4, 2, 70, 90)}},
        SpecCase{"packed", kSmall + "layout = \"packed\"\ncausal = \"top_left\"\n", {shape(4, 2, 2, 70, 90)}},
        SpecCase{"softcap", kSmall + "score = \"30 * tanh(z / 30)\"\n", {shape(2, 2, 2, 70, 45)}},
        SpecCase{"temperature", kSmall + "scalars = [\"temperature\"]\nscore = \"z * temperature\"\ntangents = [\"q\", \"k\", \"v\", \"temperature\"]\n",
                 {shape(2, 2, 2, 70, 45)}},
        SpecCase{"alibi", kSmall + "head_vectors = [\"slope\"]\nscore = \"z - slope * (q_index - kv_index)\"\n"
                                   "tangents = [\"q\", \"k\", \"v\", \"slope\"]\ngroup = 2\n", {shape(2, 4, 2, 70, 45)}},
        SpecCase{"bias", kSmall + "tangents = [\"q\", \"k\", \"v\", \"bias\"]\nbias = { dims = [\"heads\", \"q\", \"kv\"], dtype = \"f32\" }\n",
                 {shape(2, 2, 2, 70, 45)}},
        SpecCase{"bias_full", kSmall + "tangents = [\"q\", \"k\", \"v\", \"bias\"]\nbias = { dims = [\"batch\", \"heads\", \"q\", \"kv\"], dtype = \"bf16\" }\n"
                                      "layout = \"padded\"\nscore = \"10 * tanh((z + bias * bias) / 10)\"\n",
                 {shape(3, 2, 2, 70, 45)}},
        SpecCase{"bias_row", kSmall + "bias = { dims = [\"kv\"], dtype = \"f32\" }\ntangents = [\"bias\"]\n", {shape(2, 2, 2, 70, 45)}},
        SpecCase{"documents", kSmall + "layout = \"packed\"\ncausal = \"top_left\"\nquery_vectors = [\"q_doc\"]\n"
                                       "kv_vectors = [\"kv_doc\"]\nmask = \"q_doc == kv_doc\"\n", {shape(3, 2, 2, 200, 190)}},
        SpecCase{"q_only", kSmall + "tangents = [\"q\"]\n", {shape(2, 2, 2, 70, 45)}},
        SpecCase{"hvp", kSmall + "cotangents = [\"to\"]\ngradients = [\"q\", \"k\", \"v\"]\n", {shape(2, 2, 2, 70, 45)}}),
    [](const auto &info) { return info.param.name; });

} // namespace
