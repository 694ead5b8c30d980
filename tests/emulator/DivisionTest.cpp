// Row sweeps of Hopper whose keys are divided among blocks, run on the host and judged by the float64 reference.
#include "HostRunner.h"

#include "runtime/launch/CudaExecutable.h"
#include "tests/reference/Specs.h"
#include <algorithm>

using namespace jvpgen;

namespace {
struct Setting {
  std::string name, toml;
  Problem problem;
};

void PrintTo(const Setting &setting, std::ostream *out) { *out << setting.name; }

const std::vector<std::string> kPrograms = {"forward", "tangent_forward"};

std::string dims(int dim, const std::string &dtype, const std::string &more = "") {
  return "name = \"divided\"\ndtype = \"" + dtype + "\"\nhead_dim_qk = " + std::to_string(dim) + "\ngroup = 2\n" + more;
}

/// Four blocks of rows on three multiprocessors: three stay whole where blocks are even, none is where they are not.
std::vector<Setting> settings() {
  const Problem dense = shape(1, 2, 1, 200, 700);
  return {
      {"plain", dims(64, "bf16"), dense},
      {"one_block", dims(128, "bf16"), shape(1, 2, 1, 70, 500)},
      {"many_parts_of_few_keys", dims(64, "bf16"), shape(1, 2, 1, 70, 140)},
      {"no_keys", dims(64, "bf16"), shape(1, 2, 1, 70, 0)},
      {"f16_with_room", dims(64, "f16"), dense},
      {"softcap", dims(64, "bf16", "score = \"30 * tanh(z / 30)\"\n"), dense},
      {"bias",
       dims(64, "bf16", "bias = { dims = [\"heads\", \"q\", \"kv\"] }\ntangents = [\"q\", \"k\", \"v\", \"bias\"]\n"),
       dense},
      {"queries_alone", dims(64, "bf16", "tangents = [\"q\"]\n"), dense},
      {"values_alone", dims(64, "bf16", "tangents = [\"v\"]\n"), dense},
      {"causal", dims(64, "bf16", "causal = \"top_left\"\n"), dense},
      {"window", dims(64, "bf16", "window = [100, 30]\n"), shape(1, 2, 1, 300, 300)},
      {"padded", dims(64, "bf16", "layout = \"padded\"\n"), shape(2, 2, 1, 130, 700)},
      {"packed", dims(64, "bf16", "layout = \"packed\"\n"), {2, 2, 1, 130, 400, 200, 700}},
      {"two_passes", dims(256, "bf16"), shape(1, 2, 1, 70, 300)},
  };
}

class DividedRows : public testing::TestWithParam<std::tuple<Setting, int>> {};

/// Every launch gets as many parts, and each program's default variant has one that can be divided.
void divide(KernelBundle &bundle, int parts) {
  for (KernelVariant &variant : bundle.variants)
    for (Launch &launch : variant.launches) launch.schedule.splits = parts;
  for (const std::string &program : kPrograms)
    EXPECT_TRUE(std::ranges::any_of((*findVariant(bundle, program))->launches, &Launch::joins)) << program;
}

Result<std::vector<reference::Record>> judge(const Setting &setting, int parts, const std::string &from = "",
                                             const std::string &to = "") {
  AttentionSpec spec = specFrom(setting.toml);
  Result<PlannedSpec> planned = PlannedSpec::create(spec, kPrograms);
  if (!planned) return tl::unexpected(planned.error());
  Result<KernelBundle> bundle = planned->emit({.arch = "sm_90a"});
  if (!bundle) return tl::unexpected(bundle.error());
  divide(*bundle, parts);
  bool is_changed = from.empty();
  for (SourceFile &file : bundle->files)
    if (size_t at = is_changed ? std::string::npos : file.text.find(from); at != std::string::npos)
      file.text.replace(at, from.size(), to), is_changed = true;
  EXPECT_TRUE(is_changed) << from;
  HostRunner runner(spec, *bundle, hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator"));
  reference::VerifyOptions options;
  options.programs = kPrograms;
  return reference::verify(spec, setting.problem, options, std::ref(runner));
}
} // namespace

TEST_P(DividedRows, PartsJoinedAreTheWhole) {
  const auto &[setting, parts] = GetParam();
  Result<std::vector<reference::Record>> records = judge(setting, parts);
  ASSERT_TRUE(records) << records.error().text();
  EXPECT_FALSE(records->empty());
  for (const reference::Record &r : *records)
    EXPECT_TRUE(r.passed) << r.program << " " << r.output << ": error " << r.relative_error << " (limit " << r.limit
                          << "), worst row " << r.worst_row_error << " (limit " << r.row_limit << ") " << r.complaint;
}

INSTANTIATE_TEST_SUITE_P(, DividedRows, testing::Combine(testing::ValuesIn(settings()), testing::Values(2, 5)),
                         [](const auto &info) {
                           return std::get<0>(info.param).name + "_" + std::to_string(std::get<1>(info.param));
                         });

TEST(DividedRowsFaults, AreFound) {
  auto expectFound = [](const std::string &from, const std::string &to, const std::string &dtype = "bf16") {
    Result<std::vector<reference::Record>> records = judge({"", dims(64, dtype), shape(1, 2, 1, 70, 700)}, 3, from, to);
    bool found = !records;
    if (records)
      for (const reference::Record &r : *records) found |= !r.passed;
    EXPECT_TRUE(found) << from;
  };
  expectFound("exp2_fast(scale * (x - next))", "1.f");                  // sums relative to another reference
  expectFound("has ? theirs[r] * (x - centre[r]) : 0.f", "0.f");        // ... to another centre
  expectFound("theirs[r] *= exp2_fast(next - x)", "(void)next", "f16"); // ... with another room
  expectFound("tiles * part / parts", "0");                             // keys counted twice
  expectFound("part < int(division.parts)", "part < 1");                // parts left out
  expectFound("part * divided + block_index()", "0");                   // another part's sums
}
