// The gate lets rounding pass and nothing else.
#include "reference/Verify.h"
#include "tests/reference/Specs.h"

#include <cmath>
#include <set>

using namespace jvpgen;
using namespace jvpgen::reference;

namespace {

/// Changes what the programs compute from: inputs or the specification.
struct Fault {
  std::function<void(AttentionSpec &)> spec = [](AttentionSpec &) {};
  std::function<void(TensorSet &)> inputs = [](TensorSet &) {};
};

/// The truth rounded to the outputs' types, or a realisation of plain arithmetic, with a fault planted.
Runner runner(const AttentionSpec &spec, std::optional<uint64_t> plain = {}, const Fault &fault = {}) {
  return [=](std::string_view program, const Problem &problem, TensorSet &inputs, TensorSet &outputs) -> Result<void> {
    AttentionSpec wrong = spec;
    TensorSet given = inputs;
    fault.spec(wrong), fault.inputs(given);
    Result<TensorSet64> result =
        plain ? evaluatePlain(wrong, problem, given, program, *plain) : evaluate(wrong, problem, given, program);
    if (!result) return tl::unexpected(result.error());
    for (auto &[name, tensor] : outputs)
      for (int64_t k = 0; k < tensor.elements(); ++k) tensor.set(k, result->at(name).values[size_t(k)]);
    return {};
  };
}

/// Hands back what was computed before, changed.
Runner replay(const std::map<std::string, TensorSet> &results, const std::string &name,
              const std::function<void(HostTensor &)> &change) {
  return [&results, name, change](std::string_view program, const Problem &, TensorSet &,
                                  TensorSet &outputs) -> Result<void> {
    outputs = results.at(std::string(program));
    if (auto found = outputs.find(name); found != outputs.end()) change(found->second);
    return {};
  };
}

/// A realisation of plain arithmetic that the limits do not come from.
constexpr uint64_t kUnseen = 40;

Problem problemFor(const AttentionSpec &spec) { return {3, 2 * spec.group, 2, 37, 45, 37, 45}; }

/// Names of the outputs that failed.
std::set<std::string> failures(const Judge &judge, const Runner &run) {
  Result<std::vector<Record>> records = judge.judge(run);
  EXPECT_TRUE(records) << (records ? "" : records.error().text());
  std::set<std::string> out;
  for (const Record &record : records.value_or(std::vector<Record>()))
    if (!record.passed) out.insert(record.output);
  return out;
}

void expectAllPass(const Judge &judge, const Runner &run, const std::string &what) {
  Result<std::vector<Record>> records = judge.judge(run);
  ASSERT_TRUE(records) << records.error().text();
  EXPECT_FALSE(records->empty());
  for (const Record &r : *records)
    EXPECT_TRUE(r.passed) << what << " " << r.program << " " << r.output << ": " << r.relative_error << " of "
                          << r.limit << ", row " << r.worst_row_error << " of " << r.row_limit << " " << r.complaint;
}

class Gate : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    spec = narrow(example(GetParam()));
    Result<Judge> prepared = Judge::prepare(spec, problemFor(spec));
    ASSERT_TRUE(prepared) << prepared.error().text();
    judge = std::make_unique<Judge>(std::move(*prepared));
  }

  AttentionSpec spec;
  std::unique_ptr<Judge> judge;
};

void scale(HostTensor &tensor, double factor) {
  for (int64_t k = 0; k < tensor.elements(); ++k) tensor.set(k, factor * tensor.get(k));
}

/// The first row that is not 0, zeroed; a row is an entry of tensors without features.
void zeroOneRow(HostTensor &tensor) {
  int64_t row = tensor.shape.size() == 4 ? tensor.shape[3] : 1;
  for (int64_t k = 0; k < tensor.elements(); ++k) {
    if (tensor.get(k) == 0 || !std::isfinite(tensor.get(k))) continue;
    for (int64_t d = 0; d < row; ++d) tensor.set(k / row * row + d, 0);
    return;
  }
}

void swapHeads(HostTensor &tensor) {
  int64_t heads = tensor.shape.size() > 1 ? tensor.shape[1] : tensor.shape[0], plane = 1;
  for (size_t axis = 2; axis < tensor.shape.size(); ++axis) plane *= tensor.shape[axis];
  for (int64_t k = 0; k < tensor.elements(); ++k)
    if (k / plane % heads == 0) {
      double x = tensor.get(k);
      tensor.set(k, tensor.get(k + plane)), tensor.set(k + plane, x);
    }
}

} // namespace

TEST_P(Gate, RoundedTruthAndPlainArithmeticPass) {
  expectAllPass(*judge, runner(spec), "rounded truth");
  for (uint64_t k = 0; k < 3; ++k) expectAllPass(*judge, runner(spec, kUnseen + k), "plain arithmetic");
}

TEST_P(Gate, EveryOutputThatIsWrongFails) {
  std::set<std::string> outputs;
  std::map<std::string, TensorSet> results;
  Runner keeps = [&](std::string_view program, const Problem &problem, TensorSet &inputs, TensorSet &written) {
    Result<void> ran = runner(spec)(program, problem, inputs, written);
    for (const auto &[name, tensor] : written) outputs.insert(name);
    results[std::string(program)] = written;
    return ran;
  };
  ASSERT_EQ(failures(*judge, keeps).size(), 0u);
  for (const std::string &name : outputs) {
    auto fails = [&](const std::string &what, const std::function<void(HostTensor &)> &change) {
      EXPECT_EQ(failures(*judge, replay(results, name, change)).count(name), 1u) << name << " " << what;
    };
    fails("zeroed", [](HostTensor &t) { scale(t, 0); });
    fails("with its sign changed", [](HostTensor &t) { scale(t, -1); });
    fails("off by a part in five", [](HostTensor &t) { scale(t, 1.2); });
    fails("with one row zeroed", zeroOneRow);
    fails("not written", [](HostTensor &t) { std::fill(t.bytes.begin(), t.bytes.end(), 0xff); });
    fails("with its last entry infinite", [](HostTensor &t) { t.set(t.elements() - 1, INFINITY); });
    if (namedInputOf(spec, name) == nullptr || namedInputOf(spec, name)->kind != NamedInput::Kind::Scalar)
      fails("with heads swapped", swapHeads);
  }
}

TEST_P(Gate, EveryInputThatIsReadWronglyFails) {
  for (const auto &[name, tensor] : judge->inputs()) {
    if (tensor.dtype == DType::I32 || tensor.dtype == DType::I8) continue;
    auto fails = [&](const std::string &what, const std::function<void(HostTensor &)> &change) {
      Fault fault;
      fault.inputs = [&, name = name](TensorSet &inputs) {
        if (auto found = inputs.find(name); found != inputs.end()) change(found->second);
      };
      EXPECT_FALSE(failures(*judge, runner(spec, {}, fault)).empty()) << name << " " << what;
    };
    fails("dropped", [](HostTensor &t) { scale(t, 0); });
    fails("with its sign changed", [](HostTensor &t) { scale(t, -1); });
    if (namedInputOf(spec, name) == nullptr || namedInputOf(spec, name)->kind != NamedInput::Kind::Scalar)
      fails("from the neighbour's head", swapHeads);
  }
}

INSTANTIATE_TEST_SUITE_P(Examples, Gate, testing::ValuesIn(examples()), [](const auto &info) { return info.param; });

/// Masks that are off by one entry, each against the right one.
TEST(GateMasks, OffByOneFails) {
  std::string head = "name = \"x\"\ndtype = \"bf16\"\nhead_dim_qk = 16\n";
  const std::pair<std::string, std::string> pairs[] = {
      {"kv_index <= q_index", "kv_index < q_index"},
      {"kv_index <= q_index", "kv_index <= q_index + 1"},
      {"q_index - kv_index < 9 && kv_index <= q_index", "q_index - kv_index <= 9 && kv_index <= q_index"},
      {"q_index - kv_index < 9 && kv_index <= q_index", "q_index - kv_index < 8 && kv_index <= q_index"},
      {"kv_index <= q_index + kv_length - q_length", "kv_index <= q_index"},
      {"kv_index + 1 < kv_length", "kv_index < kv_length"},
  };
  for (const auto &[right, wrong] : pairs) {
    AttentionSpec spec = specFrom(head + "mask = \"" + right + "\"\n");
    AttentionSpec other = specFrom(head + "mask = \"" + wrong + "\"\n");
    Result<Judge> judge = Judge::prepare(spec, problemFor(spec));
    ASSERT_TRUE(judge) << judge.error().text();
    expectAllPass(*judge, runner(spec, kUnseen), right);
    Fault fault;
    fault.spec = [&](AttentionSpec &s) { s.mask = other.mask; };
    std::set<std::string> failed = failures(*judge, runner(spec, {}, fault));
    for (const char *output : {"o", "to", "lse", "dq", "dk", "dv", "dtq", "dtk", "dtv"})
      EXPECT_EQ(failed.count(output), 1u) << wrong << " for " << right << ": " << output;
  }
}

/// A softcap is judged where it is flat: |z| of 30 and more.
TEST(GateScores, SoftcapThatIsLeftOutFails) {
  AttentionSpec spec = narrow(example("softcap"));
  VerifyOptions options;
  options.inputs.q_scale = 16;
  Result<Judge> judge = Judge::prepare(spec, problemFor(spec), options);
  ASSERT_TRUE(judge) << judge.error().text();
  expectAllPass(*judge, runner(spec), "rounded truth");
  expectAllPass(*judge, runner(spec, kUnseen), "plain arithmetic");
  for (const char *score : {"z", "31 * tanh(z / 31)", "min(z, 30)"}) {
    AttentionSpec other = specFrom("name = \"x\"\nscore = \"" + std::string(score) + "\"\n");
    Fault fault;
    fault.spec = [&](AttentionSpec &s) { s.score = other.score; };
    EXPECT_FALSE(failures(*judge, runner(spec, {}, fault)).empty()) << score;
  }
}

TEST(GateTypes, RoundedTruthAndPlainArithmeticPassInEveryType) {
  for (const char *dtype : {"bf16", "f16", "f32"})
    for (const char *rest :
         {"", "causal = \"bottom_right\"\n", "layout = \"padded\"\n", "bias = { dims = [\"q\", \"kv\"] }\n"}) {
      AttentionSpec spec = specFrom("name = \"x\"\nhead_dim_qk = 8\ndtype = \"" + std::string(dtype) + "\"\n" + rest);
      for (Problem problem :
           {Problem{2, 2, 2, 1, 1, 1, 1}, Problem{2, 3, 3, 5, 2, 5, 2}, Problem{1, 1, 1, 1, 40, 1, 40}}) {
        Result<Judge> judge = Judge::prepare(spec, problem);
        ASSERT_TRUE(judge) << judge.error().text();
        expectAllPass(*judge, runner(spec), std::string(dtype) + " rounded truth");
        expectAllPass(*judge, runner(spec, kUnseen), std::string(dtype) + " plain arithmetic");
      }
    }
}

TEST(GateRunners, RefusalsAreNeitherPassedNorErrors) {
  AttentionSpec spec = narrow(example("plain"));
  Runner refuses = [](std::string_view, const Problem &, TensorSet &, TensorSet &) -> Result<void> {
    return fail(ErrorKind::Unsupported, "not yet");
  };
  Result<std::vector<Record>> records = verify(spec, problemFor(spec), {}, refuses);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 4u);
  for (const Record &record : *records) EXPECT_TRUE(record.refused && !record.passed && record.complaint == "not yet");
  EXPECT_FALSE(allPassed(*records));
  Runner breaks = [](std::string_view, const Problem &, TensorSet &, TensorSet &) -> Result<void> {
    return fail(ErrorKind::Environment, "no device");
  };
  EXPECT_FALSE(verify(spec, problemFor(spec), {}, breaks));
  EXPECT_FALSE(verify(spec, problemFor(spec), {.seed = 1, .inputs = {}, .programs = {"sideways"}}, runner(spec)));
}

/// Backward programs get what the runner's own forward programs returned.
TEST(GateRunners, SavedOutputsComeFromTheRunner) {
  AttentionSpec spec = narrow(example("hvp"));
  Runner right = runner(spec);
  int checked = 0;
  Runner watches = [&](std::string_view program, const Problem &problem, TensorSet &inputs, TensorSet &outputs) {
    for (const std::string &name : inputsOf(spec, program)) {
      EXPECT_TRUE(inputs.contains(name)) << program << " lacks " << name;
      checked += name == "lse" || name == "mu";
    }
    EXPECT_EQ(inputs.size(), inputsOf(spec, program).size());
    return right(program, problem, inputs, outputs);
  };
  Result<std::vector<Record>> records =
      verify(spec, problemFor(spec), {.seed = 1, .inputs = {}, .programs = {"tangent_backward"}}, watches);
  ASSERT_TRUE(records) << records.error().text();
  EXPECT_TRUE(allPassed(*records));
  EXPECT_GE(checked, 2);
}
