// Kernels for Hopper's skeleton, run on the host and judged by the float64 reference.
#include "HostRunner.h"

#include "runtime/jit/Compile.h"
#include "runtime/launch/CudaExecutable.h"
#include "runtime/launch/LaunchArguments.h"
#include "tests/reference/Specs.h"

using namespace jvpgen;

namespace {
struct Case {
  std::string toml;
  Problem problem;
};

/// A text of the templates put in place of another.
struct Change {
  std::string from, to;
};

const std::vector<std::string> kPrograms = {"forward", "tangent_forward"};

void apply(const Change &change, KernelBundle &bundle) {
  for (SourceFile &file : bundle.files)
    if (const size_t at = file.text.find(change.from); at != std::string::npos) {
      file.text.replace(at, change.from.size(), change.to);
      return;
    }
  FAIL() << change.from;
}

Result<std::vector<reference::Record>> judge(const Case &c, bool eager_copies, const Change *change = nullptr) {
  AttentionSpec spec = specFrom(c.toml);
  Result<PlannedSpec> planned = PlannedSpec::create(spec, kPrograms);
  if (!planned) return tl::unexpected(planned.error());
  Result<KernelBundle> bundle = planned->emit({.arch = "sm_90a"});
  if (!bundle) return tl::unexpected(bundle.error());
  for (const std::string &program : kPrograms) {
    const KernelVariant &chosen = **findVariant(*bundle, program, "");
    EXPECT_EQ(chosen.skeleton, "hopper");
    EXPECT_EQ(chosen.fallback_reason, "");
  }
  EXPECT_TRUE(bundle->notices.empty()) << bundle->notices[0];
  if (change) apply(*change, *bundle);
  HostBuild build = hostBuild(std::filesystem::path(JVPGEN_BINARY_DIR) / "emulator");
  build.eager_copies = eager_copies;
  HostRunner runner(spec, *bundle, build);
  reference::VerifyOptions options;
  options.programs = kPrograms;
  return reference::verify(spec, c.problem, options, std::ref(runner));
}

void expectRight(const Case &c) {
  Result<std::vector<reference::Record>> records = judge(c, false);
  ASSERT_TRUE(records) << records.error().text();
  EXPECT_FALSE(records->empty());
  for (const reference::Record &r : *records)
    EXPECT_TRUE(r.passed) << r.program << " " << r.output << ": error " << r.relative_error << " (limit " << r.limit
                          << "), worst row " << r.worst_row_error << " (limit " << r.row_limit << ") " << r.complaint;
}

/// With boxes that come early or late, the machine or the gate finds the change.
void expectFound(const Case &c, const Change &change) {
  bool found = false;
  for (bool eager_copies : {false, true}) {
    Result<std::vector<reference::Record>> records = judge(c, eager_copies, &change);
    found |= !records;
    if (records)
      for (const reference::Record &r : *records) found |= !r.passed;
  }
  EXPECT_TRUE(found) << change.from;
}

std::string dims(int qk, int v, const std::string &more = "") {
  return "name = \"case\"\ndtype = \"bf16\"\nhead_dim_qk = " + std::to_string(qk) +
         "\nhead_dim_v = " + std::to_string(v) + "\n" + more;
}
} // namespace

TEST(Hopper, Plain) { expectRight({dims(64, 64), shape(1, 2, 2, 130, 300)}); }
TEST(Hopper, LongRows) { expectRight({dims(128, 128), shape(1, 1, 1, 70, 200)}); }
TEST(Hopper, RowsOfTwoSwizzles) { expectRight({dims(96, 64), shape(1, 1, 1, 33, 250)}); }
TEST(Hopper, RowsOfEveryMultipleOfEight) {
  for (int length : {72, 80, 112, 40}) expectRight({dims(length, length), shape(1, 1, 1, 64, 230)});
}
TEST(Hopper, LongerQueriesThanValues) { expectRight({dims(192, 128), shape(1, 1, 1, 40, 100)}); }
TEST(Hopper, LongestRowsInTwoPasses) {
  expectRight({dims(256, 256, "group = 2\ncausal = \"top_left\""), shape(1, 2, 1, 150, 140)});
  expectRight({dims(256, 256, "layout = \"padded\"\nscore = \"30 * tanh(z / 30)\""), shape(2, 1, 1, 70, 130)});
  expectRight({dims(256, 256, "tangents = [\"q\"]"), shape(1, 1, 1, 64, 100)});
  expectRight({dims(256, 256, "tangents = [\"k\", \"v\"]\nwindow = [20, 0]"), shape(1, 1, 1, 130, 100)});
}
TEST(Hopper, Causal) { expectRight({dims(64, 64, "causal = \"top_left\""), shape(1, 3, 3, 300, 300)}); }
TEST(Hopper, CausalToTheLastKey) { expectRight({dims(64, 64, "causal = \"bottom_right\""), shape(1, 2, 2, 150, 310)}); }
TEST(Hopper, RowsWithoutKeys) { expectRight({dims(64, 64, "causal = \"bottom_right\""), shape(1, 1, 1, 300, 150)}); }
TEST(Hopper, Window) { expectRight({dims(64, 64, "window = [40, 0]"), shape(1, 2, 2, 300, 300)}); }
TEST(Hopper, Softcap) {
  expectRight(
      {dims(64, 64, "group = 2\ncausal = \"top_left\"\nscore = \"30 * tanh(z / 30)\""), shape(1, 4, 2, 140, 200)});
}
TEST(Hopper, Alibi) {
  expectRight({dims(64, 64, "head_vectors = [\"slope\"]\nscore = \"z - slope * abs(q_index - kv_index)\""),
               shape(2, 2, 2, 60, 150)});
}
TEST(Hopper, QueryTangents) { expectRight({dims(64, 64, "tangents = [\"q\"]"), shape(1, 2, 2, 65, 300)}); }
TEST(Hopper, ValueTangents) { expectRight({dims(128, 128, "tangents = [\"v\"]"), shape(1, 1, 1, 65, 200)}); }
TEST(Hopper, Temperature) {
  expectRight({dims(64, 64,
                    "scalars = [\"temperature\"]\nscore = \"z * temperature\"\n"
                    "tangents = [\"q\", \"k\", \"v\", \"temperature\"]"),
               shape(1, 2, 2, 65, 150)});
}

TEST(Hopper, Bias) {
  const std::string tangents = "tangents = [\"q\", \"k\", \"v\", \"bias\"]";
  expectRight({dims(64, 64, "bias = { dims = [\"heads\", \"q\", \"kv\"], dtype = \"bf16\" }\n" + tangents),
               shape(2, 2, 2, 70, 150)});
  expectRight({dims(64, 64, "causal = \"top_left\"\nbias = { dims = [\"batch\", \"q\", \"kv\"], dtype = \"f32\" }"),
               shape(2, 2, 2, 140, 141)});
}
/// Rows that begin at multiples of 16 bytes, whole and with a rest, of 4 bytes, and of 2.
TEST(Hopper, BiasesHoweverTheirRowsLie) {
  const std::string bias = "bias = { dims = [\"heads\", \"q\", \"kv\"] }\ntangents = [\"q\", \"k\", \"v\", \"bias\"]";
  for (int keys : {320, 200, 150, 151}) expectRight({dims(64, 64, bias), shape(2, 1, 1, 70, keys)});
  expectRight({dims(128, 96, bias + "\nlayout = \"packed\""), shape(3, 1, 1, 70, 120)});
  expectRight({dims(256, 256, bias), shape(1, 1, 1, 70, 136)});
}
TEST(Hopper, BiasesOfKeys) {
  const std::string tangents = "\ntangents = [\"q\", \"k\", \"v\", \"bias\"]";
  expectRight({dims(64, 64, "bias = { dims = [\"batch\", \"kv\"] }" + tangents), shape(2, 2, 2, 70, 301)});
  expectRight({dims(128, 64, "layout = \"padded\"\nbias = { dims = [\"heads\", \"kv\"], dtype = \"f32\" }" + tangents),
               shape(2, 2, 2, 70, 150)});
  expectRight({dims(64, 64, "causal = \"top_left\"\nlayout = \"packed\"\nbias = { dims = [\"kv\"] }"),
               shape(3, 2, 2, 150, 150)});
}
TEST(Hopper, FaultsOfLoadedTilesAreFound) {
  const Case c = {dims(64, 64, "bias = { dims = [\"heads\", \"q\", \"kv\"] }"), shape(1, 1, 1, 70, 600)};
  // tiles are read before they have come
  expectFound(c, {"phase_wait(barriers.load_full(loaded), load.phase());", ""});
  // slots are filled before they are empty
  expectFound(c, {"phase_wait_guarded(barriers.load_empty(number), ring.phase() ^ 1);", ""});
  // rows of the other warpgroup
  expectFound(c, {"LoadedBox box = {block.own.first + 64 * warpgroup,", "LoadedBox box = {block.own.first,"});
  // pieces lie where no one looks for them
  expectFound(c, {"16 * (piece ^ Layout::swizzle(r))", "16 * piece"});
}
TEST(Hopper, Padded) { expectRight({dims(64, 64, "layout = \"padded\""), shape(3, 2, 2, 200, 300)}); }
TEST(Hopper, PackedDocuments) {
  expectRight({dims(64, 64,
                    "layout = \"packed\"\ncausal = \"top_left\"\nquery_vectors = [\"q_doc\"]\n"
                    "kv_vectors = [\"kv_doc\"]\nmask = \"q_doc == kv_doc\""),
               shape(3, 2, 2, 180, 180)});
}

TEST(Hopper, BooleanTensor) {
  const std::string whole = "mask_tensor = { dims = [\"q\", \"kv\"] }\n",
                    heads = "mask_tensor = { dims = [\"batch\", \"heads\", \"q\", \"kv\"] }\n";
  expectRight({dims(64, 64, whole + "window = [40, 0]"), shape(2, 2, 2, 300, 300)});
  expectRight(
      {dims(64, 64, heads + "group = 2\nlayout = \"padded\"\ncausal = \"top_left\""), shape(2, 4, 2, 150, 300)});
}

TEST(Hopper, WronglyJudgedBoxesAreFound) {
  const Case c = {dims(64, 64, "mask_tensor = { dims = [\"q\", \"kv\"] }"), shape(1, 1, 1, 70, 200)};
  expectFound(c, {"(kept > 0.f ? 1 : 0)", "0"});    // as if all were empty
  expectFound(c, {"(dropped > 0.f ? 2 : 0)", "0"}); // as if none were partial
}

TEST(Hopper, BoxesOfABooleanTensorStayBroadcast) {
  Result<PlannedSpec> planned =
      PlannedSpec::create(specFrom(dims(64, 64, "mask_tensor = { dims = [\"q\", \"kv\"] }")), {"forward"});
  ASSERT_TRUE(planned);
  Result<KernelBundle> bundle = planned->emit({.arch = "sm_90a"});
  ASSERT_TRUE(bundle) << bundle.error().text();
  const KernelVariant &variant = bundle->variants[0];
  ASSERT_EQ(variant.launches.size(), 3u); // the boxes, the sweep, and what joins its parts where blocks are few
  EXPECT_EQ(variant.launches[0].owners, "i");
  EXPECT_TRUE(variant.launches[2].joins);
  ASSERT_EQ(variant.workspace.size(), 1u);
  EXPECT_EQ(variant.workspace[0].indices, "ij");
  Result<LaunchArguments> arguments = LaunchArguments::create(*bundle, variant);
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->workspaceBytes(shape(2, 8, 8, 8192, 8192)), 64u * 512u);
}

TEST(Hopper, BlocksAreDrawnFromACounterOfTheWorkspace) {
  Result<PlannedSpec> planned = PlannedSpec::create(specFrom(dims(64, 64, "causal = \"top_left\"")), {"forward"});
  ASSERT_TRUE(planned);
  Result<KernelBundle> bundle = planned->emit({.arch = "sm_90a"});
  ASSERT_TRUE(bundle) << bundle.error().text();
  const KernelVariant &variant = bundle->variants[0];
  ASSERT_EQ(variant.workspace.size(), 1u);
  EXPECT_EQ(variant.workspace[0].name, variant.launches[0].counter);
  Result<LaunchArguments> arguments = LaunchArguments::create(*bundle, variant, 132);
  ASSERT_TRUE(arguments);
  EXPECT_GE(arguments->counterAt(0, shape(1, 3, 3, 8192, 8192)), 0); // 192 blocks of rows
  EXPECT_EQ(arguments->blocks(0, shape(1, 3, 3, 8192, 8192)), 132);
  EXPECT_LT(arguments->counterAt(0, shape(1, 2, 2, 1000, 1000)), 0); // 16
}

TEST(Hopper, EarlyBoxesAreRightToo) {
  Result<std::vector<reference::Record>> records = judge({dims(64, 64), shape(1, 2, 2, 130, 1200)}, true);
  ASSERT_TRUE(records) << records.error().text();
  for (const reference::Record &r : *records) EXPECT_TRUE(r.passed) << r.program << " " << r.output;
}

TEST(Hopper, PlantedFaultsAreFound) {
  const Case c = {dims(64, 64), shape(1, 2, 2, 66, 1100)};
  // scores are read before they have landed
  expectFound(c, {"wait_products<groups - Group>();", ""});
  // slots of values are given back before the products that read them have ended
  expectFound(c, {"wait_products<1>();", ""});
  // keys are multiplied before they have come
  expectFound(c, {"phase_wait(barriers.key_full(key.slot()), key.phase());\n    at.keys", "at.keys"});
  // slots are filled before they are empty
  expectFound(c, {"phase_wait_guarded(barriers.value_empty(value.slot() + Part), value.phase() ^ 1);", ""});
  // rows of the next block replace those that are still multiplied
  expectFound({c.toml, shape(1, 4, 4, 66, 600)}, {"phase_wait_guarded(barriers.rows_empty(), rows.phase() ^ 1);", ""});
  // a warpgroup gives a slot back twice
  expectFound(c, {"release_values(value);", "release_values(value), release_values(value);"});
  // keys of a neighbouring head
  expectFound(c, {"step * Policy::N, s.n, ", "step * Policy::N, s.n ^ 1, "});
}

TEST(Hopper, FaultsOfDrawnBlocksAreFound) {
  const Case c = {dims(64, 64, "causal = \"bottom_right\""), shape(1, 2, 2, 900, 150)}; // most blocks have no keys
  expectRight(c);
  // the number of the next block is read before it has come
  expectFound(c, {"phase_wait(barriers.draw_full(ring.slot()), ring.phase());", ""});
  // numbers replace others that have not been read
  expectFound(c, {"phase_wait_guarded(barriers.draw_empty(ring.slot()), ring.phase() ^ 1);", ""});
  // no block is drawn
  expectFound(c, {"return grid_size() + int(draw_number(Policy::counter(args)));", "return Block::count(args);"});
}

TEST(Hopper, PlantedFaultsOfOperandsThatComeOneByOneAreFound) {
  const Case c = {dims(256, 256), shape(1, 1, 1, 66, 300)};
  // keys and values are multiplied before they have come
  expectFound(c, {"if constexpr (Place::key_parts > 1) phase_wait(at.keys_full + 8 * Key, at.key_phase);", ""});
  expectFound(c, {"phase_wait(at.values_full + 8 * (Value - Policy::key_operands), at.value_phase);", ""});
  // keys are given back before the last products that read them have ended
  expectFound(c, {"if (Policy::key_group(o) == Group) release", "if (Group == 0) release"});
}

TEST(Hopper, LeavesTheRestToThePortableSkeletonWithAReason) {
  AttentionSpec spec = specFrom("name = \"exact\"\ndtype = \"f32\"\nhead_dim_qk = 64\nhead_dim_v = 64\n");
  Result<PlannedSpec> planned = PlannedSpec::create(spec, kPrograms);
  ASSERT_TRUE(planned);
  Result<KernelBundle> bundle = planned->emit({.arch = "sm_90a"});
  ASSERT_TRUE(bundle) << bundle.error().text();
  for (const KernelVariant &variant : bundle->variants) {
    EXPECT_EQ(variant.skeleton, "portable");
    EXPECT_NE(variant.fallback_reason.find("f32 numbers"), std::string::npos) << variant.fallback_reason;
  }
  EXPECT_EQ(bundle->notices.size(), 1u);
}

TEST(Hopper, TwoPassesAreTheDefaultWhereOneDoesNotFitIntoRegisters) {
  for (const char *arch : {"sm_80", "sm_90a"})
    for (const auto &[length, variant] : {std::pair(64, "row"), {128, "row"}, {192, "row"}, {256, "two-pass"}}) {
      const int values = length == 192 ? 128 : length;
      Result<PlannedSpec> planned = PlannedSpec::create(specFrom(dims(length, values)), {"tangent_forward"});
      ASSERT_TRUE(planned);
      Result<KernelBundle> bundle = planned->emit({.arch = arch});
      ASSERT_TRUE(bundle) << bundle.error().text();
      EXPECT_EQ(bundle->variants.size(), 2u);
      EXPECT_EQ(bundle->variants[0].variant, variant) << length << " on " << arch;
      EXPECT_TRUE(bundle->notices.empty()) << bundle->notices[0];
    }
}

TEST(Hopper, DefaultSchedulesOverlapProductsAndDoNotSpill) {
  const Result<std::unique_ptr<KernelCompiler>> &compiler = KernelCompiler::ofProcess();
  if (!compiler) GTEST_SKIP() << compiler.error().text();
  for (const std::string &toml :
       {dims(128, 128), dims(96, 96, "score = \"30 * tanh(z / 30)\""), dims(256, 256, "causal = \"top_left\"")}) {
    Result<PlannedSpec> planned = PlannedSpec::create(specFrom(toml), {"tangent_forward"});
    ASSERT_TRUE(planned);
    const Target hopper = {.arch = "sm_90a"};
    Result<KernelBundle> bundle = planned->emit(hopper);
    ASSERT_TRUE(bundle) << bundle.error().text();
    Result<std::vector<CompiledKernel>> kernels =
        (*compiler)->compileAll(*bundle, kernelRequests(bundle->variants[0]), hopper);
    ASSERT_TRUE(kernels) << kernels.error().text();
    for (const CompiledKernel &kernel : *kernels)
      EXPECT_TRUE(kernel.isFluent()) << toml << kernel.spill_bytes << " spilled, " << kernel.serialised << " notes";
    if (kernels->size() > 1) continue; // its shared memory is full before its registers are
    Schedule crowded = bundle->variants[0].schedule;
    crowded.tile_n += 48;
    Result<CompiledKernel> other = (*compiler)->compile(*bundle, bundle->variants[0].launches[0], crowded, hopper);
    ASSERT_TRUE(other) << other.error().text();
    EXPECT_FALSE(other->isFluent()) << toml << "has not registers enough";
  }
}
