// What a runtime gets: tuned schedules that fit its bundle, or the default and words.
#include "db/Lookup.h"
#include "Bundles.h"
#include "Trials.h"
#include "db/Places.h"
#include "tests/runtime/TemporaryFolder.h"

#include <gmock/gmock.h>

using namespace jvpgen;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {
struct LookupTest : testing::Test {
  /// A measured trial of the split variant with a shorter tile in its column sweep, twice as fast as the default.
  Trial tuned() const {
    const KernelVariant &split = bundle.variants[1];
    Trial out = plainTrial();
    out.problem = {bundle.digest, "backward", shape};
    out.variant = split.variant;
    out.kernels = kernelsOf(bundle, split);
    out.kernels[2].schedule.tile_m = 32;
    out.median_us = 50;
    out.template_digest = templateDigest(bundle);
    out.default_digest = defaultDigest(bundle, "backward");
    return out;
  }
  TunedVariant ask() {
    return *tunedVariant(database, bundle, "backward", shape, plainTrial().device, kTarget, "my specs/plain.toml");
  }
  static DatabaseLayers layersIn(const fs::path &folder) {
    DatabaseLayers out;
    out.own = folder / "tunings.db";
    return out;
  }

  TemporaryFolder folder;
  KernelBundle bundle = backwardBundle();
  const Problem shape = {2, 4, 4, 1000, 63, 1000, 63};
  Database database{layersIn(folder.path), [](const std::string &message) { ADD_FAILURE() << message; }};
};
} // namespace

TEST_F(LookupTest, NothingKnownIsTheDefaultAndTheCommandThatHelps) {
  const TunedVariant found = ask();
  EXPECT_EQ(found.match, Match::Default);
  EXPECT_TRUE(found.is_default);
  EXPECT_EQ(found.variant.variant, "row+col");
  EXPECT_EQ(found.notice,
            "backward for 2x4x1000x63 on NVIDIA H200 is not tuned and runs with the default schedule; run: "
            "jvpgen tune 'my specs/plain.toml' --programs backward --shapes 2x4x1000x63");
}

TEST_F(LookupTest, TunedSchedulesReachTheirLaunches) {
  ASSERT_TRUE(database.record(tuned()));
  const TunedVariant found = ask();
  EXPECT_EQ(found.match, Match::Exact);
  EXPECT_FALSE(found.is_default);
  EXPECT_EQ(found.variant.variant, "row+col split");
  EXPECT_EQ(found.variant.launches[2].schedule.tile_m, 32);
  EXPECT_EQ(found.variant.schedule, found.variant.launches[2].schedule);
  EXPECT_EQ(found.variant.launches[1].schedule, bundle.variants[1].launches[1].schedule);
  EXPECT_EQ(found.ratio, 0.5);
  EXPECT_EQ(found.notice, "");
}

TEST_F(LookupTest, WhatAnswersForAnArchIsListedOnce) {
  Trial other = tuned();
  other.problem.shape = {4, 4, 4, 2000, 63, 2000, 63};
  ASSERT_TRUE(database.record(tuned()));
  ASSERT_TRUE(database.record(other));
  Trial stale = tuned();
  stale.problem.shape.batch = 8;
  stale.template_digest[0] = stale.template_digest[0] == '0' ? '1' : '0';
  ASSERT_TRUE(database.record(stale));
  Result<std::vector<KernelVariant>> found = tunedVariants(database, bundle, "backward", tuned().device.arch);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().launches[2].schedule.tile_m, 32);
  EXPECT_TRUE(tunedVariants(database, bundle, "backward", "sm_80")->empty());
  EXPECT_TRUE(tunedVariants(database, bundle, "forward", tuned().device.arch)->empty());
}

TEST_F(LookupTest, NameOfTheSpecificationDoesNotMatter) {
  ASSERT_TRUE(database.record(tuned()));
  const std::string digest = templateDigest(bundle);
  bundle.name = "renamed";
  for (KernelVariant &variant : bundle.variants)
    for (Launch &launch : variant.launches) {
      launch.kernel.replace(0, 5, "renamed");
      launch.source = launch.kernel + ".cu";
    }
  bundle.files.resize(6);
  for (size_t k = 0; k < 6; ++k) bundle.files[k].name = bundle.variants[k / 3].launches[k % 3].source;
  bundle.files.push_back({"sweep.cuh", "// the template"});
  EXPECT_EQ(templateDigest(bundle), digest);
  EXPECT_EQ(ask().match, Match::Exact);
}

TEST_F(LookupTest, OtherTemplatesAreNotAnswered) {
  ASSERT_TRUE(database.record(tuned()));
  bundle.files.push_back({"plain_backward_row_col_row.cuh", "// emitted with the source of that name"});
  EXPECT_EQ(ask().match, Match::Exact);
  bundle.files.pop_back();
  bundle.files.back().text += " ";
  EXPECT_EQ(ask().match, Match::Default);
}

TEST_F(LookupTest, NeighboursAndOtherGpusSaySo) {
  Trial near = tuned();
  near.problem.shape.q_length = near.problem.shape.q_total = 900;
  ASSERT_TRUE(database.record(near));
  TunedVariant found = ask();
  EXPECT_EQ(found.match, Match::Neighbour);
  EXPECT_FALSE(found.is_default);
  EXPECT_THAT(found.notice, HasSubstr("runs with the schedule of the neighbouring shape 2x4x900x63; run: jvpgen tune"));
  EXPECT_EQ(
      tunedVariant(database, bundle, "backward", shape, {"NVIDIA H100", "sm_90a", 114}, kTarget, "x")->notice,
      "backward for 2x4x1000x63 on NVIDIA H100 runs with the schedule of NVIDIA H200; run: jvpgen tune x --programs "
      "backward --shapes 2x4x1000x63");
}

TEST_F(LookupTest, WhatIsNotLegalHereIsNotUsed) {
  struct {
    const char *words;
    void (*spoil)(Trial &);
  } cases[] = {
      {"keeps", [](Trial &t) { t.kernels[2].schedule.tile_m = 256; }},
      {"warps = 3 was asked for", [](Trial &t) { t.kernels[1].schedule.warps = 3; }},
      {"has 2 kernels", [](Trial &t) { t.kernels.pop_back(); }},
      {"which 'plain' does not have", [](Trial &t) { t.variant = "fused"; }},
      {"is for the kernel 'backward_row_col_mul'", [](Trial &t) { t.kernels[1].kernel = "backward_row_col_mul"; }},
      {"where it was emitted for", [](Trial &t) { t.kernels[0].schedule.tile_m = 16; }},
  };
  for (auto &[words, spoil] : cases) {
    TemporaryFolder fresh;
    Database spoilt(layersIn(fresh.path), nullptr);
    Trial trial = tuned();
    spoil(trial);
    ASSERT_TRUE(spoilt.record(trial));
    Result<TunedVariant> found = tunedVariant(spoilt, bundle, "backward", shape, trial.device, kTarget, "plain.toml");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->match, Match::Default) << words;
    EXPECT_TRUE(found->is_default);
    EXPECT_EQ(found->variant.launches[2].schedule, bundle.variants[0].launches[2].schedule);
    EXPECT_THAT(found->notice, HasSubstr(words));
    EXPECT_THAT(found->notice, HasSubstr("; run: jvpgen tune plain.toml"));
  }
}

TEST_F(LookupTest, ProgramThatIsNotThereIsAnError) {
  EXPECT_THAT(tunedVariant(database, bundle, "forward", shape, {}, kTarget, "x").error().message,
              HasSubstr("'forward' was asked for, which the bundle 'plain' does not have"));
}

TEST_F(LookupTest, IsQuickAmongManyTrials) {
  std::vector<Trial> trials;
  for (int shapes = 0; shapes < 10; ++shapes)
    for (int k = 0; k < 300; ++k) {
      Trial trial = tuned();
      trial.problem.shape.q_length = trial.problem.shape.q_total = 1000 - shapes;
      trial.measured_at_unix_ms += k;
      if (k >= 20) trial.verdict = Verdict::None; // did not reach the final
      trials.push_back(trial);
    }
  ASSERT_TRUE(database.record(trials));
  auto least = std::chrono::steady_clock::duration::max();
  for (int k = 0; k < 10; ++k) {
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(ask().match, Match::Exact);
    least = std::min(least, std::chrono::steady_clock::now() - begun);
  }
  EXPECT_LT(least, std::chrono::milliseconds(50)) << "one is usual";
}

TEST(Places, FollowTheVariables) {
  auto own = [](DatabasePlaces places) { return databaseLayers(places).own; };
  DatabasePlaces places;
  EXPECT_EQ(own(places), "");
  places.home = "/home/u";
  EXPECT_EQ(own(places), "/home/u/.local/share/jvpgen/tunings.db");
  EXPECT_TRUE(databaseLayers(places).own_is_private);
  places.data_home = "/data";
  EXPECT_EQ(own(places), "/data/jvpgen/tunings.db");
  places.database = "/scratch/job.db";
  EXPECT_EQ(own(places), "/scratch/job.db");
  EXPECT_FALSE(databaseLayers(places).own_is_private);
  places.database = "job.db";
  places.data_home = "data";
  EXPECT_EQ(own(places), "/home/u/.local/share/jvpgen/tunings.db") << "relative paths are not used";
  places.code_folders = {"/opt/jvpgen/bin", "lib"};
  EXPECT_THAT(databaseLayers(places).shipped, ElementsAre("/opt/jvpgen/share/jvpgen/tunings.db"));
  places.shipped = "/a.db:b.db:/c.db";
  EXPECT_THAT(databaseLayers(places).shipped, ElementsAre("/a.db", "/c.db"));
}
