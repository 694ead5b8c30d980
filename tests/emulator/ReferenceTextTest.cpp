// The float64 reference of a bundle, run on the host, beside the one that knows no derivation.
#include "HostExecutable.h"

#include "compiler/driver/PlannedSpec.h"
#include "reference/Deviation.h"
#include "runtime/abi/References.h"
#include "tests/reference/Specs.h"
#include "tools/tensors/RandomInputs.h"

using namespace jvpgen;

namespace {
/// The programs of a specification's references on drawn inputs.
class References {
public:
  References(const AttentionSpec &spec, const Problem &problem, const std::vector<std::string> &programs)
      : spec(spec), drawn(makeInputs(spec, problem, 3)) {
    Result<PlannedSpec> planned = PlannedSpec::create(spec, programs);
    EXPECT_TRUE(planned) << (planned ? "" : planned.error().text());
    if (!planned) return;
    Result<KernelBundle> emitted = planned->emit({.arch = "sm_80"});
    EXPECT_TRUE(emitted) << (emitted ? "" : emitted.error().text());
    if (emitted) own = std::move(*emitted), bundle = referencesOf(own);
  }

  /// Runs one; its outputs stay among the tensors. A change is made to its text first.
  void run(const std::string &program, const std::string &way, void (*change)(std::string &) = nullptr) {
    const KernelVariant *variant = findReference(own, program, way);
    ASSERT_TRUE(variant) << program << " " << way;
    KernelBundle changed = bundle;
    for (SourceFile &file : changed.files)
      if (change && file.name == variant->launches[0].source) change(file.text);
    Result<std::unique_ptr<Executable>> ready =
        prepareOnHost(changed, *variant, hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator"));
    ASSERT_TRUE(ready) << ready.error().text();
    for (const TensorDeclaration &tensor : bundle.tensors)
      if (tensor.is_output && !drawn.tensors.contains(tensor.name)) {
        HostTensor empty(tensor.name, DType::F64, shapeOf(spec, drawn.problem, tensor.name));
        for (int64_t k = 0; k < empty.elements(); ++k) empty.set(k, std::nan(""));
        drawn.tensors.emplace(tensor.name, std::move(empty));
      }
    std::vector<unsigned char> memory((*ready)->workspaceBytes(drawn.problem) + 256, 0xff);
    const auto address = (reinterpret_cast<uintptr_t>(memory.data()) + 255) & ~uintptr_t(255);
    Result<void> done =
        (*ready)->launch(drawn.problem, viewsOf(spec, drawn.tensors), reinterpret_cast<void *>(address), nullptr);
    ASSERT_TRUE(done) << done.error().text();
  }

  /// The largest deviations from the truth of all outputs of a program, as a whole and of a row.
  std::pair<double, double> worst(const std::string &program) {
    Result<reference::TensorSet64> truth = reference::evaluate(spec, drawn.problem, drawn.tensors, program);
    EXPECT_TRUE(truth) << (truth ? "" : truth.error().text());
    std::pair<double, double> out;
    for (const auto &[name, expected] : *truth) {
      const HostTensor &tensor = drawn.tensors.at(name);
      std::vector<double> values;
      for (int64_t k = 0; k < tensor.elements(); ++k) values.push_back(tensor.get(k));
      const reference::Deviation deviation = reference::measure(expected, values);
      out.first = std::max(out.first, deviation.isFinite() ? deviation.relative : HUGE_VAL);
      out.second = std::max(out.second, deviation.worst_row);
      EXPECT_TRUE(deviation.isFinite()) << program << " " << name << ": " << deviation.complaint;
    }
    return out;
  }

private:
  const AttentionSpec spec;
  RandomInputs drawn;
  KernelBundle own, bundle;
};

/// Of float64, after a few hundred operations; terms of a row may cancel, and those that the simplifier has opened.
constexpr double kRounding = 1e-12, kCancelling = 1e-10;

Problem smallProblem(const AttentionSpec &spec) {
  return {.batch = 2,
          .heads = 2 * spec.group,
          .kv_heads = 2,
          .q_length = 21,
          .kv_length = 34,
          .q_total = 21,
          .kv_total = 34};
}

void expectExact(const AttentionSpec &spec, const std::vector<std::string> &programs,
                 const std::vector<std::string> &ways = {kDerivedReference, kSimplifiedReference}) {
  References references(spec, smallProblem(spec), programs);
  for (const std::string &program : programs) {
    if (program == "backward") references.run("forward", kDerivedReference);
    if (program == "tangent_backward") references.run("tangent_forward", kDerivedReference);
    for (const std::string &way : ways) {
      references.run(program, way);
      const auto [whole, row] = references.worst(program);
      EXPECT_LT(whole, way == kDerivedReference ? kRounding : kCancelling) << program << ", " << way;
      EXPECT_LT(row, kCancelling) << program << ", " << way;
    }
  }
}

class Examples : public testing::TestWithParam<std::string> {};
} // namespace

TEST_P(Examples, IsTheTruthToRounding) {
  const AttentionSpec spec = narrow(example(GetParam()));
  expectExact(spec, {"tangent_forward", "tangent_backward"}, {kDerivedReference});
}
INSTANTIATE_TEST_SUITE_P(Shipped, Examples, testing::ValuesIn(examples()), [](const auto &info) { return info.param; });

TEST(ReferenceText, ForwardAndBackwardWithoutTangents) {
  expectExact(narrow(example("window_softcap")), {"forward", "backward"});
}

TEST(ReferenceText, CasesOfTheCover) {
  const char *cases[] = {
      "layout = 'padded'\nmask_tensor = { dims = ['batch', 'kv'] }\nbias = { dims = ['q', 'kv'], dtype = 'f32' "
      "}\nscore = "
      "'20 * tanh((z + bias) / 20)'\ntangents = ['k', 'bias']\ncotangents = ['lse', 'mu']",
      "layout = 'padded'\ngroup = 2\nhead_dim_v = 24\nmask_tensor = { dims = ['batch', 'q', 'kv'] }\nbias = { dims = "
      "['heads', 'q'], dtype = 'f32' }\ntangents = ['q', 'v', 'bias']\ncotangents = ['to']",
      "layout = 'packed'\ngroup = 2\ncausal = 'bottom_right'\nquery_vectors = ['q_doc']\nkv_vectors = ['kv_doc']\nmask "
      "= "
      "'q_doc == kv_doc'\nhead_vectors = ['slope']\nscalars = ['beta']\nscore = 'where(z > 0, beta * z, min(z, "
      "kv_index / "
      "100)) - slope * abs(q_index - kv_index) / 64'\ntangents = ['k', 'v', 'slope', 'beta']",
      "int_scalars = ['sinks']\nmask = 'kv_index < sinks || kv_index > q_index - 9 && head != 1'\ntangents = ['q']"};
  for (const std::string toml : cases)
    expectExact(specFrom("name = 'case'\ndtype = 'f32'\nhead_dim_qk = 16\n" + toml), {"tangent_backward"});
}

TEST(ReferenceText, APlantedFaultIsSeen) {
  const AttentionSpec spec = narrow(example("causal"));
  References references(spec, smallProblem(spec), {"tangent_forward"});
  references.run("tangent_forward", kDerivedReference, [](std::string &text) {
    const size_t at = text.find("++j)"); // every other key
    ASSERT_NE(at, text.npos);
    text.replace(text.rfind("++j)"), 4, "j += 2)");
  });
  EXPECT_GT(references.worst("tangent_forward").first, 1e-3);
}
