// The kernels that are emitted for a GPU, run on the host and judged by the float64 reference.
#include "HostRunner.h"

#include "tests/reference/Specs.h"

using namespace jvpgen;

namespace {
struct Case {
  const char *spec;
  Problem problem;
  const char *change = ""; ///< lines of TOML that come after the example's own
  std::optional<Schedule> schedule = std::nullopt;
  bool is_f16 = false; ///< in place of the example's type
};

AttentionSpec specOf(const Case &c) {
  Result<std::string> text = readFile(std::string(JVPGEN_SOURCE_DIR "/examples/specs/") + c.spec + ".toml");
  AttentionSpec spec = specFrom(text.value_or("") + "\n" + c.change);
  if (c.is_f16) spec.dtype = spec.output_dtype = spec.gradient_dtype = DType::F16;
  return spec;
}

void expectRight(const Case &c) {
  AttentionSpec spec = specOf(c);
  std::vector<std::string> programs = programsOf(spec);
  Result<PlannedSpec> planned = PlannedSpec::create(spec, programs);
  ASSERT_TRUE(planned) << planned.error().text();
  Result<KernelBundle> bundle = planned->emit({.arch = "sm_80"});
  ASSERT_TRUE(bundle) << bundle.error().text();
  HostRunner runner(spec, *bundle, hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator"));
  runner.schedule = c.schedule;
  Result<std::vector<reference::Record>> records =
      reference::verify(spec, c.problem, {.programs = programs}, std::ref(runner));
  ASSERT_TRUE(records) << records.error().text();
  EXPECT_FALSE(records->empty());
  for (const reference::Record &r : *records)
    EXPECT_TRUE(r.passed) << r.program << " " << r.output << ": error " << r.relative_error << " (limit " << r.limit
                          << "), worst row " << r.worst_row_error << " (limit " << r.row_limit << ") " << r.complaint;
}

} // namespace

TEST(Emitted, Plain) { expectRight({"plain", shape(1, 2, 2, 65, 100)}); }
TEST(Emitted, Causal) { expectRight({"causal", shape(2, 1, 1, 70, 70)}); }
TEST(Emitted, SoftcapWithGroupedHeads) { expectRight({"softcap", shape(1, 4, 1, 65, 63)}); }
TEST(Emitted, Alibi) { expectRight({"alibi", shape(1, 2, 2, 33, 65)}); }
TEST(Emitted, WindowWithSoftcap) { expectRight({"window_softcap", shape(1, 2, 2, 65, 65)}); }
TEST(Emitted, RelativeBias) { expectRight({"relative_bias", shape(2, 2, 2, 33, 40)}); }
TEST(Emitted, GradientsThatAreStoredEntryByEntryInF16) {
  expectRight({"relative_bias", shape(2, 2, 2, 33, 40), "", std::nullopt, true});
}
TEST(Emitted, CrossAttentionWithQueryTangents) { expectRight({"cross_q_tangent", shape(1, 2, 2, 33, 90)}); }
TEST(Emitted, PackedDocuments) { expectRight({"packed_documents", shape(3, 2, 2, 50, 50)}); }
TEST(Emitted, HessianVectorProduct) { expectRight({"hvp", shape(1, 2, 2, 65, 40)}); }
TEST(Emitted, Temperature) { expectRight({"temperature", shape(2, 2, 2, 33, 65)}); }
TEST(Emitted, BlocksOfTwoWarps) {
  expectRight({"plain", shape(1, 2, 2, 40, 70), "", Schedule{.tile_m = 32, .tile_n = 32, .warps = 2, .stages = 2}});
}
