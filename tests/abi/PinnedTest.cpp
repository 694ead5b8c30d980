// JVPGEN_FROZEN: exactly what is pinned runs, down to the bytes of the machine code; all else is an error.
#include "TunedBundle.h"
#include "db/Frozen.h"
#include "jvpgen/jvpgen.hpp"
#include "runtime/abi/BundleFiles.h"
#include "support/AtomicFile.h"
#include "support/Hash.h"
#include "tests/db/Bundles.h"
#include "tests/runtime/TemporaryFolder.h"

#include <cstdlib>
#include <gmock/gmock.h>

using testing::HasSubstr;

namespace {
/// The bundle's backward program for a shape on the first GPU, with the tuned schedules that it has machine code for.
jvpgen::FrozenProgram pinned(const jvpgen::Problem &shape, const std::string &code) {
  const jvpgen::KernelBundle bundle = jvpgen::backwardBundle();
  jvpgen::FrozenProgram out;
  out.problem = {bundle.digest, "backward", shape};
  out.device.name = "Fake GPU zero";
  out.device.arch = jvpgen::kTarget.arch;
  out.device.multiprocessors = jvpgen::kTarget.multiprocessors;
  out.variant = "row+col split";
  for (const jvpgen::Launch &launch : bundle.variants[1].launches)
    out.kernels.push_back({{launchName(bundle, launch), launch.schedule}, jvpgen::sha256(code + launch.kernel)});
  out.kernels[2].kernel.schedule.tile_m = 32;
  return out;
}

class Pinned : public testing::Test {
protected:
  void SetUp() override { // the file is read once
    static const jvpgen::TemporaryFolder folder;
    const std::string file = folder.path / "frozen.json";
    ASSERT_TRUE(jvpgen::writeFile(
        file, jvpgen::printFrozen({pinned({2, 4, 4, 1000, 63, 1000, 63}, "machine code of "),
                                   pinned({3, 4, 4, 1000, 63, 1000, 63}, "other machine code of ")})));
    setenv("JVPGEN_FROZEN", file.c_str(), 1);
  }
  static std::string refusal(jvpgen::Program &program, const std::vector<jvpgen_problem> &shapes) {
    try {
      program.prepare(shapes);
    } catch (const std::exception &error) {
      return error.what();
    }
    return "";
  }
};
} // namespace

TEST_F(Pinned, WhatIsPinnedRunsAndNothingElse) {
  const jvpgen::Bundle bundle(tunedBundle().folder);
  const jvpgen::Device device(0), other(1);
  jvpgen::Program program(bundle, device, "backward");
  const jvpgen_problem right = jvpgen::problem(2, 4, 1000, 63);
  EXPECT_EQ(refusal(program, {right}), "");
  EXPECT_STREQ(program.choice(right).source, "pinned");
  EXPECT_STREQ(program.choice(right).variant, "row+col split");
  EXPECT_THAT(program.choice(right).schedule, HasSubstr("tile_m 32"));
  EXPECT_THAT(refusal(program, {jvpgen::problem(3, 4, 1000, 63)}), HasSubstr("launch 0, was pinned as"));
  EXPECT_THAT(refusal(program, {jvpgen::problem(2, 4, 999, 63)}),
              HasSubstr("none is pinned of backward for 2x4x999x63"));
  EXPECT_THAT(refusal(program, {}), HasSubstr("schedules are pinned shape by shape"));

  jvpgen::Program elsewhere(bundle, other, "backward"), insisting(bundle, device, "backward", "row+col");
  EXPECT_THAT(refusal(elsewhere, {right}), HasSubstr("none is pinned"));
  EXPECT_THAT(refusal(insisting, {right}), HasSubstr("'row+col split' is pinned"));
}
