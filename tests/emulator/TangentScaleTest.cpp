// Tangents far from 1 in f16, on both skeletons: weights that are products of tangents stay within f16, and keep its
// precision.
#include "HostRunner.h"

#include "tests/reference/Specs.h"

using namespace jvpgen;

namespace {
struct Setting {
  std::string name, toml;
  double tangent_scale = 1;
  std::string arch;
};

class TangentScale : public testing::TestWithParam<Setting> {};

std::vector<Setting> settings() {
  const std::string f16 = "dtype = \"f16\"\nhead_dim_qk = 64\nhead_dim_v = 64\nsoftmax_scale = 1.0\n";
  const std::vector<std::pair<std::string, std::string>> specs = {
      {"plain", f16},
      {"query", f16 + "tangents = [\"q\"]\n"},
      {"softcap", f16 + "score = \"30 * tanh(z / 30)\"\n"},
      {"bias", f16 + "bias = { dims = [\"heads\", \"q\", \"kv\"], dtype = \"f16\" }\n"
                     "tangents = [\"q\", \"k\", \"v\", \"bias\"]\n"},
      {"two_passes", "dtype = \"f16\"\nhead_dim_qk = 256\nhead_dim_v = 256\nsoftmax_scale = 0.5\n"}};
  std::vector<Setting> out;
  for (const auto &[name, toml] : specs)
    for (const auto &[size, scale] :
         {std::pair("huge", 1e4), std::pair("usual", 1.0), std::pair("small", 1e-4), std::pair("tiny", 1e-6)})
      for (const std::string arch : {"sm_80", "sm_90a"})
        out.push_back({name + "_" + size + "_" + arch, toml, scale, arch});
  return out;
}

/// A text of the templates put in place of another.
struct Change {
  std::string from, to;
};

Result<std::vector<reference::Record>> judge(const Setting &setting, const std::vector<Change> &changes = {}) {
  AttentionSpec spec = specFrom("name = \"case\"\n" + setting.toml);
  const std::vector<std::string> programs = {"tangent_forward"};
  Result<PlannedSpec> planned = PlannedSpec::create(spec, programs);
  if (!planned) return tl::unexpected(planned.error());
  const Target target = {.arch = setting.arch};
  Result<KernelBundle> bundle = planned->emit(target);
  if (!bundle) return tl::unexpected(bundle.error());
  EXPECT_EQ(bundle->variants[0].skeleton, setting.arch == "sm_90a" ? "hopper" : "portable");
  EXPECT_TRUE(bundle->notices.empty());
  for (const Change &change : changes)
    for (SourceFile &file : bundle->files)
      if (size_t at = file.text.find(change.from); at != std::string::npos)
        file.text.replace(at, change.from.size(), change.to);
  HostRunner runner(spec, *bundle, hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator"));
  runner.target = target;
  reference::VerifyOptions options{.seed = 2, .inputs = {}, .programs = programs};
  options.inputs.tangent_scale = setting.tangent_scale;
  options.inputs.q_scale = 0.05; // many keys with like weights
  const Problem problem = {
      .batch = 1, .heads = 2, .kv_heads = 2, .q_length = 70, .kv_length = 300, .q_total = 70, .kv_total = 300};
  return reference::verify(spec, problem, options, std::ref(runner));
}

/// An output of 1e-7 is itself a number of two or three digits in f16.
double errorLimit(const Setting &setting, const reference::Record &r) {
  return 8e-4 + (r.output == "to" ? 0x1p-22 / setting.tangent_scale : 0);
}
} // namespace

TEST_P(TangentScale, StaysWithinF16) {
  Result<std::vector<reference::Record>> records = judge(GetParam());
  ASSERT_TRUE(records) << records.error().text();
  ASSERT_EQ(records->size(), 4u);
  for (const reference::Record &r : *records) {
    EXPECT_TRUE(r.passed) << r.output << ": error " << r.relative_error << ", limit " << r.limit << " " << r.complaint;
    EXPECT_LE(r.relative_error, errorLimit(GetParam(), r)) << r.output;
  }
}

INSTANTIATE_TEST_SUITE_P(F16, TangentScale, testing::ValuesIn(settings()),
                         [](const auto &info) { return info.param.name; });

TEST(TangentScaleFaults, WeightsWithoutRoomAreFound) {
  const Change never = {"if (!any_in_warp(shrinks)) return false;", "return false;"},
               none = {"constexpr float kMostRoom = 15;", "constexpr float kMostRoom = 0;"},
               sums = {"factor[row] = exp2_fast(next - room[row]);", "factor[row] = 1.f;"};
  auto expectFound = [](double scale, const std::vector<Change> &changes) {
    for (const Setting &setting : settings()) {
      if (setting.tangent_scale != scale || !setting.name.starts_with("plain")) continue;
      Result<std::vector<reference::Record>> records = judge(setting, changes);
      ASSERT_TRUE(records) << records.error().text();
      bool found = false;
      for (const reference::Record &r : *records) found |= !(r.relative_error <= errorLimit(setting, r));
      EXPECT_TRUE(found) << setting.name << " " << changes[0].to;
    }
  };
  expectFound(1e4, {never});       // weights keep all their room
  expectFound(1e4, {never, none}); // they have none, and are never made smaller
  expectFound(1, {sums});          // sums keep the room of former tiles
}
