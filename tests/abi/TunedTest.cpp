// What `jvpgen tune` has found is what an application gets, through the C interface and the system's SQLite.
#include "TunedBundle.h"
#include "jvpgen/jvpgen.hpp"

#include <cstdlib>
#include <gmock/gmock.h>

using testing::HasSubstr;

namespace {
class Tuned : public testing::Test {
protected:
  void SetUp() override { // the process's database is looked for once, when a program is first made
    ASSERT_NE(tunedBundle().folder, "");
    setenv("JVPGEN_DATABASE", tunedBundle().database.c_str(), 1);
  }
};
} // namespace

TEST_F(Tuned, SchedulesAreTheMeasuredOnes) {
  const jvpgen::Bundle bundle(tunedBundle().folder);
  const jvpgen::Device device(0), other(1);
  jvpgen::Program program(bundle, device, "backward");
  const jvpgen_problem tuned = jvpgen::problem(2, 4, 1000, 63), near = jvpgen::problem(2, 4, 999, 60),
                       far = jvpgen::problem(1, 1, 100, 5000);
  testing::internal::CaptureStderr();
  program.prepare({tuned, near, far});
  const std::string warnings = testing::internal::GetCapturedStderr();
  EXPECT_STREQ(program.choice(tuned).source, "exact");
  EXPECT_STREQ(program.choice(tuned).variant, "row+col split");
  EXPECT_THAT(program.choice(tuned).schedule, HasSubstr("tile_m 32"));
  EXPECT_STREQ(program.choice(near).source, "neighbour");
  EXPECT_STREQ(program.choice(near).schedule, program.choice(tuned).schedule);
  EXPECT_STREQ(program.choice(far).source, "default");
  EXPECT_STREQ(program.choice(far).variant, "row+col");
  EXPECT_EQ(warnings, "warning: backward for 1x1x100x5000 on Fake GPU zero is not tuned and runs with the default "
                      "schedule; run: jvpgen tune " +
                          tunedBundle().folder + " --programs backward --shapes 1x1x100x5000\n");
  program.launch(tuned, nullptr, 0, nullptr, 0, nullptr);

  jvpgen::Program elsewhere(bundle, other, "backward"), insisting(bundle, device, "backward", "row+col");
  elsewhere.prepare({tuned});
  EXPECT_STREQ(elsewhere.choice(tuned).source, "architecture") << "another GPU of the same arch";
  insisting.prepare({tuned});
  EXPECT_STREQ(insisting.choice(tuned).source, "default") << "of the variant that was asked for";
  EXPECT_STREQ(insisting.choice(tuned).variant, "row+col");
}
