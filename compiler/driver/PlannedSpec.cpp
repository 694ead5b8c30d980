// The stages from a specification to plans, one after the other.
#include "compiler/driver/PlannedSpec.h"

#ifdef JVPGEN_WITH_CPU
#include "compiler/cpu/Compile.h"
#endif
#include "compiler/derive/Derive.h"
#include "compiler/emit/Emit.h"
#include "compiler/emit/ReferenceText.h"
#include "compiler/ir/Declarations.h"
#include "compiler/plan/Plan.h"
#include "compiler/plan/PlanStats.h"
#include "support/Hash.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <deque>
#include <map>

using namespace jvpgen;

struct PlannedSpec::Contents {
  AttentionSpec spec;
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  TermContext terms;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, std::vector<attn::PlanOp>> plans; ///< by program, the default first
  std::deque<TermContext> derivedTerms;                   ///< their own, so that plans are the same without them
  std::vector<ReferencePrograms> references;
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

/// A program as it was derived. Of a forward program every output that a backward one may read, wanted or not.
static Result<Program> derivedReference(TermContext &terms, AttentionSpec spec, const std::string &program) {
  if (program.ends_with("forward")) spec.outputs = {"o", "to", "lse", "mu"};
  return deriveUnsimplified(terms, spec, program);
}

/// The references of the programs, and of those whose outputs they read.
static Result<void> addReferencePrograms(const AttentionSpec &spec, const std::vector<Program> &simplified,
                                         std::deque<TermContext> &terms, std::vector<ReferencePrograms> &out) {
  std::map<std::string, const Program *> wanted;
  for (const Program &program : simplified) {
    if (program.name == "backward") wanted.try_emplace("forward", nullptr);
    if (program.name == "tangent_backward") wanted.try_emplace("tangent_forward", nullptr);
    wanted[program.name] = &program;
  }
  for (const auto &[name, program] : wanted) {
    Result<Program> derived = derivedReference(terms.emplace_back(), spec, name);
    if (!derived) return tl::unexpected<Error>(derived.error());
    out.push_back({std::move(*derived), program ? std::optional(*program) : std::nullopt});
  }
  return {};
}

Result<PlannedSpec> PlannedSpec::create(const AttentionSpec &spec, const std::vector<std::string> &programs) {
  auto contents = std::make_unique<Contents>();
  contents->spec = spec;
  attn::registerDialects(contents->context);
  contents->module = declareModule(contents->context, spec);
  std::vector<Program> simplified;
  for (const std::string &name : programs) {
    Result<Program> program = deriveProgram(contents->terms, spec, name);
    if (!program) return tl::unexpected<Error>(program.error());
    Result<Plans> plans = planProgram(*contents->module, *program);
    if (!plans) return tl::unexpected<Error>(plans.error());
    contents->plans[name] = plans->plans;
    simplified.push_back(std::move(*program));
    if (name == "tangent_forward") addTwoPasses(*contents->module, spec, contents->plans[name]);
  }
  if (auto done = addReferencePrograms(spec, simplified, contents->derivedTerms, contents->references); !done)
    return tl::unexpected<Error>(done.error());
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
  if (auto done = addReferences(*contents->module, contents->references, *bundle); !done)
    return tl::unexpected<Error>(done.error());
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
