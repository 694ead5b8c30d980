// The stages from a specification to plans, one after the other.
#include "compiler/driver/PlannedSpec.h"

#ifdef JVPGEN_WITH_CPU
#include "compiler/cpu/Compile.h"
#endif
#include "compiler/derive/Derive.h"
#include "compiler/emit/Emit.h"
#include "compiler/ir/Declarations.h"
#include "compiler/plan/Plan.h"
#include "compiler/plan/PlanStats.h"
#include "support/Hash.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <map>

using namespace jvpgen;

struct PlannedSpec::Contents {
  AttentionSpec spec;
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  TermContext terms;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, std::vector<attn::PlanOp>> plans; ///< by program, the default first
};

PlannedSpec::PlannedSpec(std::unique_ptr<Contents> contents) : contents(std::move(contents)) {}
PlannedSpec::PlannedSpec(PlannedSpec &&) = default;
PlannedSpec &PlannedSpec::operator=(PlannedSpec &&) = default;
PlannedSpec::~PlannedSpec() = default;

/// The tangent forward in two passes too, where o and lse, which the second pass reads, are wanted anyway.
static void addTwoPasses(mlir::ModuleOp module, const AttentionSpec &spec, std::vector<attn::PlanOp> &plans) {
  auto wants = [&](const char *output) { return llvm::is_contained(spec.outputs, output); };
  if (!wants("o") || !wants("lse") || (!wants("to") && !wants("mu"))) return;
  TermContext terms;
  Result<std::vector<Program>> passes = deriveTwoPasses(terms, spec);
  if (!passes) return;
  if (Result<attn::PlanOp> plan = planPasses(module, "tangent_forward", *passes)) plans.push_back(*plan);
}

Result<PlannedSpec> PlannedSpec::create(const AttentionSpec &spec, const std::vector<std::string> &programs) {
  auto contents = std::make_unique<Contents>();
  contents->spec = spec;
  attn::registerDialects(contents->context);
  contents->module = declareModule(contents->context, spec);
  for (const std::string &name : programs) {
    Result<Program> program = deriveProgram(contents->terms, spec, name);
    if (!program) return tl::unexpected<Error>(program.error());
    Result<Plans> plans = planProgram(*contents->module, *program);
    if (!plans) return tl::unexpected<Error>(plans.error());
    contents->plans[name] = plans->plans;
    if (name == "tangent_forward") addTwoPasses(*contents->module, spec, contents->plans[name]);
  }
  if (mlir::failed(mlir::verify(*contents->module)))
    return fail(ErrorKind::Unsupported, "the plans of '" + spec.name + "' do not verify; see the messages above");
  return PlannedSpec(std::move(contents));
}

std::string PlannedSpec::text() const {
  std::string out;
  llvm::raw_string_ostream stream(out);
  contents->module->print(stream);
  return out + "\n";
}

std::vector<std::string> PlannedSpec::variants(const std::string &program) const {
  std::vector<std::string> names;
  if (auto it = contents->plans.find(program); it != contents->plans.end())
    for (attn::PlanOp plan : it->second) names.push_back(plan.getVariant().str());
  return names;
}

std::string jvpgen::specificationDigest(const AttentionSpec &spec) {
  AttentionSpec unnamed = spec;
  unnamed.name.clear();
  return sha256(print(unnamed));
}

Result<KernelBundle> PlannedSpec::emit(const Target &target) const {
  Result<KernelBundle> bundle = emitBundle(*contents->module, target);
  if (!bundle) return bundle;
  bundle->digest = specificationDigest(contents->spec);
  bundle->specification = print(contents->spec);
  bundle->arch = target.arch;
  return bundle;
}

std::string PlannedSpec::variantForCpu(const std::string &program) const {
  HeadDims dims{contents->spec.head_dim_qk, contents->spec.head_dim_v};
  auto &plans = contents->plans.at(program);
  auto executed = [&](attn::PlanOp plan) { return statsOf(plan, dims).executed(); };
  return std::min_element(plans.begin(), plans.end(),
                          [&](attn::PlanOp a, attn::PlanOp b) { return executed(a) < executed(b); })
      ->getVariant()
      .str();
}

Result<std::unique_ptr<Executable>> PlannedSpec::compileForCpu(const std::string &program, const std::string &variant,
                                                               unsigned threads) const {
#ifdef JVPGEN_WITH_CPU
  std::string wanted = variant.empty() ? variantForCpu(program) : variant;
  for (attn::PlanOp plan : contents->plans.at(program))
    if (plan.getVariant() == wanted) return jvpgen::compileForCpu(*contents->module, plan, {.threads = threads});
  return fail(ErrorKind::Invalid, "'" + program + "' has no variant '" + variant + "'");
#else
  return fail(ErrorKind::Environment, "this build has no CPU backend; build the preset 'release', or run on a GPU");
#endif
}
