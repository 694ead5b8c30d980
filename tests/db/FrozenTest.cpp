// Pinned schedules: exactly these, or an error.
#include "db/Frozen.h"
#include "Bundles.h"
#include "Trials.h"
#include "support/Hash.h"

#include <gmock/gmock.h>

using namespace jvpgen;
using testing::HasSubstr;

namespace {
const std::string kCubin = "machine code";

FrozenProgram pinned() {
  const KernelBundle bundle = backwardBundle();
  FrozenProgram out;
  out.problem = {bundle.digest, "backward", {2, 4, 4, 1000, 63, 1000, 63}};
  out.device = plainTrial().device;
  out.variant = "row+col split";
  for (const TrialKernel &kernel : kernelsOf(bundle, bundle.variants[1]))
    out.kernels.push_back({kernel, {132, 3}, sha256(kCubin + kernel.kernel)});
  out.kernels[2].kernel.schedule.tile_m = 32;
  return out;
}
} // namespace

TEST(Frozen, ReadsWhatItPrints) {
  FrozenSchedules frozen = {pinned()};
  FrozenProgram other = pinned();
  other.problem.shape.batch = 3;
  pin(frozen, other);
  EXPECT_EQ(frozen.size(), 2u);
  EXPECT_EQ(parseFrozen(printFrozen(frozen)).value(), frozen);
  other.variant = "row+col";
  pin(frozen, other);
  EXPECT_EQ(frozen.size(), 2u) << "an entry is replaced";
  EXPECT_EQ(frozen[1].variant, "row+col");
}

TEST(Frozen, DamagedTextsAreRefused) {
  const std::string text = printFrozen({pinned()});
  for (auto [from, to] : {std::pair("jvpgen frozen schedules", "jvpgen trials"),
                          {"\"version\": 1", "\"version\": 2"},
                          {"\"cubin_sha256\"", "\"cubin\""},
                          {"\"warps\": 8", "\"warps\": 8.5"},
                          {"\"tile_m\"", "\"tile_k\""},
                          {"[", "{"}}) {
    std::string spoilt = text;
    ASSERT_NE(spoilt.find(from), spoilt.npos) << from;
    spoilt.replace(spoilt.find(from), std::string(from).size(), to);
    EXPECT_FALSE(parseFrozen(spoilt)) << from;
  }
}

TEST(Frozen, WhatIsNotPinnedIsAnError) {
  const FrozenSchedules frozen = {pinned()};
  EXPECT_TRUE(findFrozen(frozen, pinned().problem, pinned().device));
  TrialProblem problem = pinned().problem;
  problem.shape.kv_length = problem.shape.kv_total = 64;
  Result<const FrozenProgram *> missing = findFrozen(frozen, problem, pinned().device);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::CheckFailed);
  EXPECT_THAT(missing.error().message, HasSubstr("none is pinned of backward for 2x4x1000x64 on NVIDIA H200"));
  TrialDevice device = pinned().device;
  device.multiprocessors = 114;
  EXPECT_FALSE(findFrozen(frozen, pinned().problem, device));
}

TEST(Frozen, SchedulesAreThePinnedOnes) {
  const KernelBundle bundle = backwardBundle();
  Result<KernelVariant> variant = frozenVariant(pinned(), bundle, kTarget);
  ASSERT_TRUE(variant) << variant.error().message;
  EXPECT_EQ(variant->variant, "row+col split");
  EXPECT_EQ(variant->launches[2].schedule.tile_m, 32);
  KernelBundle other = bundle;
  other.digest[0] = '0';
  EXPECT_THAT(frozenVariant(pinned(), other, kTarget).error().message, HasSubstr("another specification"));
  FrozenProgram illegal = pinned();
  illegal.kernels[2].kernel.schedule.tile_m = 256;
  EXPECT_EQ(frozenVariant(illegal, bundle, kTarget).error().kind, ErrorKind::CheckFailed);
}

TEST(Frozen, OtherMachineCodeIsAnError) {
  const FrozenProgram program = pinned();
  for (size_t k = 0; k < 3; ++k) EXPECT_TRUE(checkFrozenCode(program, k, kCubin + program.kernels[k].kernel.kernel));
  Result<void> wrong = checkFrozenCode(program, 1, kCubin);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::CheckFailed);
  EXPECT_THAT(wrong.error().message, HasSubstr("launch 1, was pinned as"));
  EXPECT_FALSE(checkFrozenCode(program, 3, kCubin));
}

TEST(Frozen, OtherDivisionIsAnError) {
  EXPECT_TRUE(checkFrozenDivision(pinned(), 1, {132, 3}));
  for (const Division &other : {Division{132, 2}, Division{0, 3}, Division{132, 1}}) {
    Result<void> wrong = checkFrozenDivision(pinned(), 1, other);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().kind, ErrorKind::CheckFailed);
    EXPECT_THAT(wrong.error().message, HasSubstr("was pinned as 132 whole blocks and others in 3 parts and is "));
  }
}
