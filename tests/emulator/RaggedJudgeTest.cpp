// The tuner's judge on the emulator: it passes what the compiler emits, and finds kernels that are fast and wrong.
#include "HostExecutable.h"

#include "compiler/driver/PlannedSpec.h"
#include "runtime/abi/References.h"
#include "runtime/launch/CudaExecutable.h"
#include "tests/reference/Specs.h"
#include "tuner/RaggedJudge.h"
#include <gmock/gmock.h>

using namespace jvpgen;
using namespace jvpgen::tuner;
using testing::HasSubstr;

namespace {
/// Launches on the bytes themselves.
Result<void> runOnHost(const KernelBundle &bundle, const Executable &executable, const Problem &problem,
                       TensorBytes &tensors) {
  TensorMap views;
  for (const TensorDeclaration &tensor : bundle.tensors)
    if (const auto given = tensors.find(tensor.name); given != tensors.end())
      views[tensor.name] = viewOf(tensor, layoutOf(bundle, tensor, problem), given->second.data());
  std::vector<unsigned char> memory(executable.workspaceBytes(problem) + 256, 0xff);
  const auto address = (reinterpret_cast<uintptr_t>(memory.data()) + 255) & ~uintptr_t(255);
  return executable.launch(problem, views, reinterpret_cast<void *>(address), nullptr);
}

HostBuild build() { return hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator"); }

/// One program of a specification with its judge.
class Judged {
public:
  Judged(const AttentionSpec &spec, const std::string &program, const std::string &arch = "sm_80") : program(program) {
    std::vector<std::string> programs = programsBefore(program);
    programs.push_back(program);
    Result<PlannedSpec> planned = PlannedSpec::create(spec, programs);
    EXPECT_TRUE(planned) << (planned ? "" : planned.error().text());
    Result<KernelBundle> emitted = planned->emit({.arch = arch});
    EXPECT_TRUE(emitted) << (emitted ? "" : emitted.error().text());
    bundle = std::move(*emitted);
    const KernelBundle view = referencesOf(bundle);
    for (const auto &[which, way] : referencesFor(program)) {
      Result<std::unique_ptr<Executable>> made = prepareOnHost(view, *findReference(bundle, which, way), build());
      EXPECT_TRUE(made) << (made ? "" : made.error().text());
      references[{which, way}] = std::move(*made);
    }
    const bool is_long = arch == "sm_90a"; // beyond one tile of Hopper's
    ragged = {.heads = 2 * spec.group, .kv_heads = 2, .q_length = is_long ? 131 : 67, .kv_length = is_long ? 197 : 75};
    const Result<void> made = again([](const std::string &, TensorBytes &) {});
    EXPECT_TRUE(made) << (made ? "" : made.error().text());
  }

  /// Makes the judge from references whose results are changed.
  Result<void> again(const std::function<void(const std::string &way, TensorBytes &)> &change) {
    std::string last;
    Result<RaggedJudge> made = RaggedJudge::create(
        bundle, program, ragged,
        [&](const std::string &which, const std::string &way) {
          last = way;
          return references.at({which, way}).get();
        },
        [&](auto &view, auto &executable, auto &problem, TensorBytes &tensors) {
          Result<void> ran = runOnHost(view, executable, problem, tensors);
          if (ran) change(last, tensors);
          return ran;
        });
    if (!made) return tl::unexpected(made.error());
    judge = std::move(*made);
    return {};
  }

  Attempt<double> of(const KernelVariant &variant) const {
    Result<std::unique_ptr<Executable>> made = prepareOnHost(bundle, variant, build());
    EXPECT_TRUE(made) << (made ? "" : made.error().text());
    return judge->judge(**made, runOnHost);
  }
  Attempt<double> ofVariant(const std::string &name = "") const { return of(**findVariant(bundle, program, name)); }

  const std::string program;
  KernelBundle bundle;

private:
  Problem ragged;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Executable>> references;
  std::optional<RaggedJudge> judge;
};

struct Case {
  const char *name, *program, *toml;
};

class Emitted : public testing::TestWithParam<Case> {};
} // namespace

TEST_P(Emitted, PassesTheJudge) {
  const Case &c = GetParam();
  const Judged judged(specFrom("name = 'case'\n" + std::string(c.toml)), c.program);
  const Attempt<double> error = judged.ofVariant();
  EXPECT_TRUE(error) << error.error().reason;
  EXPECT_GT(error.value_or(0), 1e-8);
}

INSTANTIATE_TEST_SUITE_P(
    Programs, Emitted,
    testing::Values(
        Case{"CausalBf16", "tangent_backward", "head_dim_qk = 64\ndtype = 'bf16'\ncausal = 'top_left'"},
        Case{"PaddedMaskF16", "tangent_backward",
             "head_dim_qk = 40\ndtype = 'f16'\nlayout = 'padded'\ngroup = 2\nmask_tensor = { dims = ['batch', 'q', "
             "'kv'] }\ntangents = ['q', 'k']"},
        Case{"SlopesPackedTf32", "tangent_backward",
             "head_dim_qk = 32\ndtype = 'f32'\nprecision = 'tf32'\nlayout = 'packed'\nhead_vectors = "
             "['slope']\nscore = 'z - slope * abs(q_index - kv_index) / 64'\ntangents = ['k', 'v', 'slope']"},
        Case{"SoftcapBiasF32", "tangent_backward",
             "head_dim_qk = 32\ndtype = 'f32'\nbias = { dims = ['q', 'kv'], dtype = 'f32' }\nscore = '20 * tanh((z + "
             "bias) / 20)'\ntangents = ['k', 'bias']"},
        Case{"GradientOfNothingTf32",
             "tangent_backward", // a bias of rows moves no weight: dv is left of cancelling sums
             "head_dim_qk = 32\ndtype = 'f32'\nprecision = 'tf32'\nbias = { dims = ['heads', 'q'], dtype = 'f32' "
             "}\ntangents = ['v', 'bias']\ncotangents = ['to']"},
        Case{"SoftcapBf16", "tangent_forward", "head_dim_qk = 64\ndtype = 'bf16'\nscore = '30 * tanh(z / 30)'"},
        Case{"Plain", "backward", "head_dim_qk = 64\ndtype = 'bf16'"}),
    [](const auto &info) { return std::string(info.param.name) + "_" + info.param.program; });

/// mu, which cancels in float32, errs by other roundings in other tiles: a right schedule is not to be called wrong.
TEST(RaggedJudge, PassesHoppersTiles) {
  const Judged judged(specFrom("name = 'case'\nhead_dim_qk = 128\ndtype = 'bf16'\ncausal = 'bottom_right'"),
                      "tangent_forward", "sm_90a");
  for (const char *name : {"row", "two-pass"})
    for (const int tile_n : {32, 64}) {
      KernelVariant variant = **findVariant(judged.bundle, "tangent_forward", name);
      ASSERT_EQ(variant.skeleton, "hopper");
      const auto sweep = std::find_if(variant.launches.rbegin(), variant.launches.rend(),
                                      [](const Launch &launch) { return launch.resources.warpgroups; });
      sweep->schedule.tile_n = tile_n;
      const Attempt<double> error = judged.of(variant);
      EXPECT_TRUE(error) << name << ", " << tile_n << ": " << error.error().reason;
    }
}

TEST(RaggedJudge, FindsWhatIsFastAndWrong) {
  Judged judged(specFrom("name = 'case'\nhead_dim_qk = 32\ndtype = 'bf16'\ncausal = 'top_left'"), "tangent_forward");
  const KernelVariant variant = **findVariant(judged.bundle, "tangent_forward", "");
  for (SourceFile &file : judged.bundle.files)
    if (file.name == variant.launches[0].source) {
      const size_t entry = file.text.rfind("(PARAMETER Args args) {");
      ASSERT_NE(entry, file.text.npos) << file.text;
      file.text.resize(entry);
      file.text += "(PARAMETER Args args) {}\n";
    }
  const Attempt<double> found = judged.of(variant);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().outcome, Outcome::Wrong);
  EXPECT_THAT(found.error().reason, HasSubstr("at a small shape: "));
}

/// What the judge says of plain attention's tangent forward with another text in one place.
static std::string saidOf(const std::string &from, const std::string &to) {
  Judged judged(specFrom("name = 'case'\nhead_dim_qk = 32\ndtype = 'bf16'"), "tangent_forward");
  EXPECT_TRUE(judged.ofVariant());
  const KernelVariant variant = **findVariant(judged.bundle, "tangent_forward", "");
  for (SourceFile &file : judged.bundle.files)
    if (file.name == variant.launches[0].source) {
      const size_t at = file.text.find(from);
      EXPECT_NE(at, file.text.npos) << file.text;
      if (at != file.text.npos) file.text.replace(at, from.size(), to);
    }
  const Attempt<double> found = judged.of(variant);
  return found ? "" : found.error().reason;
}

TEST(RaggedJudge, FindsAScaleThatIsOnePercentOff) { // log2(e) / sqrt(32)
  EXPECT_THAT(saidOf("exp2_fast(0.25503486f", "exp2_fast(0.2576f"), HasSubstr("limit"));
}

TEST(RaggedJudge, FindsMuThatIsATenThousandthOff) {
  const std::string store = "(args.mu, s.b, s.h, s.q_start + row, 0) = Tf32::from_float(";
  EXPECT_THAT(saidOf(store, store + "1.0001f * "), HasSubstr("output 'mu'"));
}

TEST(RaggedJudge, AFaultOfTheSimplifierWidensNoLimit) {
  Judged judged(specFrom("name = 'case'\nhead_dim_qk = 32\ndtype = 'bf16'"), "forward");
  const Result<void> made = judged.again([](const std::string &way, TensorBytes &tensors) {
    std::vector<double> o = decoded(tensors.at("o"), DType::F64);
    for (double &x : o) x *= way == kDerivedReference ? 1 : 1.001;
    tensors.at("o") = encoded(o, DType::F64);
  });
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("the simplified program does not compute what the derived one does"));
}

TEST(RaggedJudge, AReferenceThatWritesNothingJudgesNothing) {
  Judged judged(specFrom("name = 'case'\nhead_dim_qk = 32\ndtype = 'bf16'"), "forward");
  const Result<void> made = judged.again([](const std::string &, TensorBytes &tensors) {
    std::fill(tensors.at("o").begin(), tensors.at("o").end(), (unsigned char)(0xff));
  });
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("wrote no number of 'o'"));
}
