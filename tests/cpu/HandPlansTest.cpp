// Plans written by hand against float64.
#include "tests/cpu/Case.h"

using namespace jvpgen;
using namespace jvpgen::test;

static bool causal(int, int, int i, int j) { return j <= i; }
static bool everything(int, int, int, int) { return true; }

static const Executable &compiled(const std::string &file) {
  static std::map<std::string, std::unique_ptr<Executable>> all;
  auto &executable = all[file];
  if (!executable) {
    auto result = compile(planText(file));
    if (!result) {
      ADD_FAILURE() << result.error().text();
      abort();
    }
    executable = std::move(*result);
  }
  return *executable;
}

static void launch(Case &c, const Executable &executable) {
  auto ok = c.launch(executable);
  ASSERT_TRUE(ok) << ok.error().text();
}

class Shapes : public testing::TestWithParam<Shape> {};

TEST_P(Shapes, TangentForward) {
  Case c(GetParam(), 64, 64, DType::F32, DType::F32, causal, 0.125);
  launch(c, compiled("tangent_forward.mlir"));
  for (const char *name : {"o", "to", "lse", "mu"}) c.expectClose(name, 1e-6);
}

TEST_P(Shapes, TangentBackward) {
  Case c(GetParam(), 64, 64, DType::F32, DType::F32, everything, 0.125);
  std::string forward =
      replaceAll(planText("tangent_forward.mlir"), "arith.cmpi sle, %j, %i : i32", "arith.constant true");
  forward = replaceAll(forward, "arith.cmpi sle, %j0, %i1 : i32", "arith.constant true");
  forward = replaceAll(forward, "arith.cmpi sgt, %j1, %i0 : i32", "arith.constant false");
  static auto first = compile(forward);
  ASSERT_TRUE(first) << first.error().text();
  launch(c, **first);
  launch(c, compiled("tangent_backward.mlir"));
  for (const char *name : {"dq", "dk", "dv", "dtq", "dtk", "dtv"}) c.expectClose(name, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(HandPlans, Shapes,
                         testing::Values(Shape{1, 1, 1, 64, 64}, Shape{2, 4, 2, 67, 61}, Shape{2, 3, 1, 1, 130},
                                         Shape{1, 2, 2, 200, 1}, Shape{2, 2, 1, 150, 333}, Shape{1, 1, 1, 5, 0},
                                         Shape{1, 1, 1, 0, 5}));
