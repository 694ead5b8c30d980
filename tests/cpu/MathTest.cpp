// Functions of generated code against the C library, over their whole range and at the edges.
#include "compiler/cpu/Code.h"
#include "compiler/cpu/Jit.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "mlir/IR/MLIRContext.h"

using namespace jvpgen;
using namespace jvpgen::cpu;

namespace {

using Function = Code::Function;

/// Applies a function to numbers, by vectors as generated code does.
std::vector<float> apply(Function f, std::vector<float> x) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  Code code(*module, hostLanes());
  Arguments arguments = code.beginFunction("apply");
  code.loop(code.whole(0), arguments.block, code.lanes(), [&](mlir::Value k) {
    code.write(code.apply(f, code.read(arguments.scratch, k, DType::F32, code.lanes())), arguments.scratch, k,
               DType::F32);
  });
  code.endFunction();
  EXPECT_TRUE(lowerToLLVM(*module));
  auto jit = Jit::compile(*module);
  EXPECT_TRUE(jit);
  auto function = (*jit)->find("apply");
  EXPECT_TRUE(function);
  size_t count = x.size();
  x.resize((count + 15) / 16 * 16);
  (*function)(nullptr, 0, 0, static_cast<int64_t>(x.size()), x.data());
  x.resize(count);
  return x;
}

/// Largest error in units of the last place of the true value (of the least normal number below that).
double worst(Function f, double (*truth)(double), double from, double to) {
  std::vector<float> x;
  for (int k = 0; k <= 200000; ++k) x.push_back(static_cast<float>(from + (to - from) * k / 200000));
  std::vector<float> y = apply(f, x);
  double most = 0;
  for (size_t k = 0; k < x.size(); ++k) {
    double t = truth(x[k]);
    double unit = std::ldexp(1.0, std::max(std::ilogb(t), -126) - 23);
    double error = std::fabs(y[k] - t) / unit;
    if (!(error <= most)) most = error;
  }
  return most;
}

const float kInfinity = std::numeric_limits<float>::infinity();

TEST(Functions, ExpIsAccurateWhereWeightsLie) {
  EXPECT_LE(worst(Function::Exp, std::exp, -87, 88), 2);
  EXPECT_LE(worst(Function::Exp, std::exp, -1, 1), 2);
  std::vector<float> y = apply(Function::Exp, {-kInfinity, -1e30f, -104.0f, 0, -0.0f, 88.7f, kInfinity});
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], 0);
  EXPECT_LE(y[2], 1e-38f);
  EXPECT_GE(y[2], 0);
  EXPECT_EQ(y[3], 1);
  EXPECT_EQ(y[4], 1);
  EXPECT_NEAR(y[5] / std::exp(88.7f), 1, 1e-5);
  EXPECT_EQ(y[6], kInfinity);
}

TEST(Functions, LogIsAccurate) {
  EXPECT_LE(worst(Function::Log, std::log, 1e-3, 3), 2);
  EXPECT_LE(worst(Function::Log, std::log, 1, 1e6), 2);
  std::vector<float> y = apply(Function::Log, {0, 1, kInfinity, 2e-38f, 3e38f, -1});
  EXPECT_EQ(y[0], -kInfinity);
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(y[2], kInfinity);
  EXPECT_NEAR(y[3], std::log(2e-38f), 1e-5);
  EXPECT_NEAR(y[4], std::log(3e38f), 1e-5);
  EXPECT_TRUE(std::isnan(y[5]));
}

TEST(Functions, TanhIsAccurate) {
  EXPECT_LE(worst(Function::Tanh, std::tanh, -12, 12), 5);
  EXPECT_LE(worst(Function::Tanh, std::tanh, -1e-3, 1e-3), 5);
  std::vector<float> y = apply(Function::Tanh, {-kInfinity, kInfinity, 0, 50, -50, 1e-30f});
  EXPECT_EQ(y[0], -1);
  EXPECT_EQ(y[1], 1);
  EXPECT_EQ(y[2], 0);
  EXPECT_EQ(y[3], 1);
  EXPECT_EQ(y[4], -1);
  EXPECT_EQ(y[5], 1e-30f);
}

TEST(Functions, NansStay) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  for (Function f : {Function::Exp, Function::Log, Function::Tanh, Function::Sqrt, Function::Abs})
    EXPECT_TRUE(std::isnan(apply(f, {nan})[0])) << static_cast<int>(f);
}

} // namespace
