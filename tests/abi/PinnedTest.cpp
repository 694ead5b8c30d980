// JVPGEN_FROZEN: exactly what is pinned runs, down to the bytes of the machine code; all else is an error.
#include "TunedBundle.h"
#include "jvpgen/jvpgen.hpp"

#include <cstdlib>
#include <gmock/gmock.h>

using testing::HasSubstr;

namespace {
class Pinned : public testing::Test {
protected:
  void SetUp() override { // the file is read once
    ASSERT_NE(tunedBundle().folder, "");
    setenv("JVPGEN_FROZEN", tunedBundle().frozen.c_str(), 1);
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
  EXPECT_THAT(refusal(program, {jvpgen::problem(4, 4, 1000, 63)}), HasSubstr("in 2 parts and is"));
  EXPECT_THAT(refusal(program, {jvpgen::problem(2, 4, 999, 63)}),
              HasSubstr("none is pinned of backward for 2x4x999x63"));
  EXPECT_THAT(refusal(program, {}), HasSubstr("schedules are pinned shape by shape"));

  jvpgen::Program elsewhere(bundle, other, "backward"), insisting(bundle, device, "backward", "row+col");
  EXPECT_THAT(refusal(elsewhere, {right}), HasSubstr("none is pinned"));
  EXPECT_THAT(refusal(insisting, {right}), HasSubstr("'row+col split' is pinned"));
}
