// Stored plans of forms that are hard to hold: they are what the planner makes, print, parse, verify, and run.
#include "tests/plan/Harness.h"

#include "compiler/cpu/Compile.h"
#include "compiler/derive/Derive.h"
#include "compiler/derive/Directions.h"
#include "compiler/ir/Declarations.h"
#include "compiler/plan/PlanStats.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>

using namespace jvpgen;
using namespace jvpgen::test;

namespace {
/// Programs of a specification, in the order of execution, and the variants of their plans that are stored.
struct Golden {
  std::string file, toml;
  std::vector<std::string> directions = {"t"};
  std::vector<std::pair<std::string, std::vector<std::string>>> stored; ///< program, variants
  double limit; ///< of float32 results, relative to the greatest element
};

void PrintTo(const Golden &g, std::ostream *out) { *out << g.file; }

const char *const kSoftcap = "name = \"softcap\"\nhead_dim_qk = 16\nhead_dim_v = 24\ndtype = \"f32\"\ngroup = 2\n"
                             "causal = \"top_left\"\nscore = \"3 * tanh(z / 3)\"\n";
const char *const kWide = "name = \"wide\"\nhead_dim_qk = 256\ndtype = \"f32\"\ngroup = 2\n";

std::string textOf(mlir::Operation *op) {
  std::string out;
  llvm::raw_string_ostream stream(out);
  op->print(stream);
  return out + "\n";
}

std::string contentsOf(const std::string &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class GoldenPlans : public testing::TestWithParam<Golden> {
protected:
  void SetUp() override {
    spec = parsed(GetParam().toml);
    setting.extents['d'] = spec.head_dim_qk, setting.extents['e'] = spec.head_dim_v;
    module = declareModule(context, spec);
    declareDirections(*module, spec, GetParam().directions);
    for (const auto &[program, variants] : GetParam().stored) plan(program, variants);
  }

  /// Plans a program and keeps the stored variants.
  void plan(const std::string &name, const std::vector<std::string> &variants) {
    if (variants == std::vector<std::string>{"two-pass"}) {
      Result<std::vector<Program>> passes = deriveTwoPasses(terms, spec);
      ASSERT_TRUE(passes) << passes.error().text();
      Result<attn::PlanOp> made = planPasses(*module, name, *passes);
      ASSERT_TRUE(made) << made.error().text();
      programs.push_back(*deriveProgram(terms, spec, name));
      return;
    }
    Result<Program> program = deriveAlong(terms, spec, name, GetParam().directions);
    ASSERT_TRUE(program) << program.error().text();
    Result<Plans> plans = planProgram(*module, *program);
    ASSERT_TRUE(plans) << plans.error().text();
    for (attn::PlanOp p : plans->plans)
      if (std::find(variants.begin(), variants.end(), p.getVariant().str()) == variants.end()) p.erase();
    programs.push_back(*program);
  }

  /// The stored module, parsed.
  mlir::OwningOpRef<mlir::ModuleOp> stored() {
    auto out = attn::parse(contentsOf(JVPGEN_SOURCE_DIR "/tests/plans/" + GetParam().file), context);
    EXPECT_TRUE(out) << "tests/plans/" << GetParam().file << " does not parse";
    return out;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  TermContext terms;
  PlanSetting setting = smallSetting();
  AttentionSpec spec;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<Program> programs;
};

/// Every number rounded to float32.
void roundToSingle(Arrays &arrays) {
  for (auto &[name, a] : arrays)
    for (double &x : a.values) x = float(x);
}

/// Runs a plan on the CPU. Tensors are dense, in the order of their indices.
Arrays runOnCpu(attn::PlanOp plan, const Program &program, const PlanSetting &setting, const Arrays &inputs) {
  auto compiled = compileForCpu(plan->getParentOfType<mlir::ModuleOp>(), plan, {.threads = 2});
  if (!compiled) {
    ADD_FAILURE() << compiled.error().text();
    return {};
  }
  std::map<std::string, std::vector<float>> buffers;
  TensorMap views;
  auto add = [&](const std::string &name, IndexSet indices, const std::vector<double> *values) {
    size_t count = setting.extents.tuples(indices);
    std::vector<float> &buffer = buffers[name] = std::vector<float>(count, std::nanf(""));
    if (values) buffer.assign(values->begin(), values->end());
    TensorView &view = views[name] = {buffer.data(), DType::F32, {0, 0, 0, 0}};
    int64_t stride = setting.extents.tuples(indices & kFeature);
    const std::pair<IndexSet, int> axes[] = {{"j", 3}, {"i", 2}, {"nr", 1}, {"b", 0}};
    for (auto [axis, k] : axes) {
      if (!indices.meets(axis)) continue;
      view.stride[k] = stride;
      stride *= int64_t(setting.extents.tuples(indices & axis));
    }
  };
  for (auto &[name, a] : inputs) add(name, a.indices, &a.values);
  for (auto &[name, t] : program.outputs) add(name, t->indices, nullptr);
  const Extents &x = setting.extents;
  Problem problem{x['b'], x['n'] * x['r'], x['n'], x['i'], x['j'], x['i'], x['j']};
  std::vector<char> workspace((*compiled)->workspaceBytes(problem), char(0xff));
  auto launched = (*compiled)->launch(problem, views, workspace.data(), nullptr);
  if (!launched) ADD_FAILURE() << launched.error().text();
  Arrays out;
  for (auto &[name, t] : program.outputs)
    out[name] = {t->indices, std::vector<double>(buffers[name].begin(), buffers[name].end())};
  return out;
}
} // namespace

TEST_P(GoldenPlans, AreWhatThePlannerMakes) {
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  std::string text = textOf(*module), folder = JVPGEN_BINARY_DIR "/golden_plans";
  ASSERT_FALSE(llvm::sys::fs::create_directories(folder));
  std::ofstream(folder + "/" + GetParam().file) << text;
  EXPECT_TRUE(text == contentsOf(JVPGEN_SOURCE_DIR "/tests/plans/" + GetParam().file))
      << "the planner makes another plan than tests/plans/" << GetParam().file << ": compare it with " << folder << "/"
      << GetParam().file << "; if the new one is right, build the target update_golden_plans";
}

TEST_P(GoldenPlans, ParseVerifyAndPrintAgain) {
  auto read = stored();
  ASSERT_TRUE(read);
  EXPECT_TRUE(mlir::succeeded(mlir::verify(*read)));
  EXPECT_EQ(textOf(*read), contentsOf(JVPGEN_SOURCE_DIR "/tests/plans/" + GetParam().file));
}

TEST_P(GoldenPlans, RunInFloat64AndOnTheCpu) {
  auto read = stored();
  ASSERT_TRUE(read);
  Arrays arrays;
  for (const Program &program : programs) {
    fillInputs(arrays, program, spec, setting);
    roundToSingle(arrays);
    Arrays want = upperValues(*read, program, setting, arrays);
    for (attn::PlanOp plan : read->getOps<attn::PlanOp>()) {
      if (plan.getProgram() != program.name) continue;
      expectPlan(plan, program, setting, arrays, want);
      for (auto &[name, a] : runOnCpu(plan, program, setting, arrays))
        EXPECT_LT(worstError(a, want.at(name)), GetParam().limit) << plan.getSymName().str() << ": " << name;
    }
    arrays.insert(want.begin(), want.end());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, GoldenPlans,
    testing::Values(Golden{"softcap_roles.mlir",
                           kSoftcap,
                           {"t"},
                           {{"tangent_forward", {"row"}}, {"tangent_backward", {"row+col split"}}},
                           2e-6},
                    Golden{"two_tangents.mlir",
                           kSoftcap,
                           {"t", "t2"},
                           {{"tangent_forward", {"row"}}, {"tangent_backward", {"row+col split", "fused"}}},
                           2e-6},
                    Golden{"two_passes.mlir", kWide, {"t"}, {{"tangent_forward", {"two-pass"}}}, 2e-6}),
    [](const auto &info) { return info.param.file.substr(0, info.param.file.find('.')); });
