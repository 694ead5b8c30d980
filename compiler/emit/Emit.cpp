#include "compiler/emit/Emit.h"

#include "compiler/emit/HopperText.h"
#include "compiler/emit/PassText.h"
#include "compiler/emit/SweepText.h"
#include "schedule/Legality.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

namespace {

/// Emits one plan: pre-passes, the kernels of each sweep, post-passes.
class PlanEmitter {
public:
  PlanEmitter(PlanOp plan, Interface interface, const Target &target)
      : plan(plan), interface(std::move(interface)), target(target) {}

  Result<KernelVariant> emit();
  std::vector<SourceFile> files;

private:
  Result<void> emitBoxes();
  Result<void> emitPasses();
  Result<void> emitSweep(SweepOp sweep);
  Result<std::vector<KernelText>> sweepKernels(const SweepProgram &part, const std::string &kernel,
                                               const std::string &what, std::string &fallbackReason);
  Result<void> add(Result<KernelText> kernel);
  std::string kernelName(const std::string &part);
  std::string title(const std::string &what);
  void declareWorkspace(const std::string &name, StringRef indices);
  void findKept();

  PlanOp plan;
  Interface interface;
  const Target &target;
  KernelVariant variant;
  std::vector<TensorInfo> kept; ///< what post-passes read of the sweeps
  double most_products = 0;
};

} // namespace

std::string PlanEmitter::kernelName(const std::string &part) {
  std::string name = interface.name + "_" + plan.getSymName().str() + "_" + part;
  for (char &c : name)
    if (!llvm::isAlnum(c)) c = '_';
  return llvm::isDigit(name[0]) ? "k" + name : name;
}

std::string PlanEmitter::title(const std::string &what) {
  return interface.name + ": " + plan.getProgram().str() + " (" + plan.getVariant().str() + "), " + what;
}

void PlanEmitter::declareWorkspace(const std::string &name, StringRef indices) {
  if (interface.tensors.count(name)) return;
  interface.tensors[name] = {name, indices.str(), DType::F32, true};
  variant.workspace.push_back({name, indices.str(), DType::F32, true});
}

Result<void> PlanEmitter::add(Result<KernelText> kernel) {
  if (!kernel) return tl::unexpected(kernel.error());
  Launch &launch = kernel->launch;
  launch.source = launch.kernel + ".cu";
  launch.schedule = defaultSchedule(launch.resources, target);
  if (launch.joins) launch.schedule.tile_m = variant.launches.back().schedule.tile_m;
  const bool isDeclared =
      llvm::any_of(variant.workspace, [&](const TensorDeclaration &t) { return t.name == launch.counter; });
  if (!launch.counter.empty() && !isDeclared) variant.workspace.push_back({launch.counter, "", DType::I32, true});
  files.push_back({launch.source, kernel->text});
  files.insert(files.end(), kernel->headers.begin(), kernel->headers.end());
  variant.launches.push_back(launch);
  return {};
}

/// Accumulators, maxima and centres that post-passes read become buffers of the workspace.
void PlanEmitter::findKept() {
  for (auto post : plan.getBody().getOps<PostOp>())
    for (auto input : post.getBody().getOps<InputOp>()) {
      StringRef kind = input.getKind();
      if (kind != "acc" && kind != "max" && kind != "shift") continue;
      std::string name = input.getName().str();
      if (interface.tensors.count(name)) continue;
      declareWorkspace(name, cast<ValueType>(input.getResult().getType()).getIndices());
      kept.push_back(interface.tensors[name]);
    }
}

/// A boolean tensor is read once before the sweeps, so that these skip what is empty and test what is partial only.
Result<void> PlanEmitter::emitBoxes() {
  std::optional<TensorDeclaration> boxes = maskBoxes(interface);
  if (!boxes) return {};
  variant.workspace.push_back(*boxes);
  interface.tensors[boxes->name] = {boxes->name, boxes->indices, boxes->dtype, true};
  return add(boxPassText(interface.tensors[boxes->name], interface, kernelName(boxes->name),
                         title("boxes of the mask, before the sweeps")));
}

Result<void> PlanEmitter::emitPasses() {
  std::vector<std::pair<std::string, std::vector<PreOp>>> byIndices;
  for (auto pre : plan.getBody().getOps<PreOp>()) {
    auto yield = cast<YieldOp>(pre.getBody().front().getTerminator());
    std::string indices = cast<ValueType>(yield.getValues()[0].getType()).getIndices().str();
    declareWorkspace(pre.getName().str(), indices);
    auto it = llvm::find_if(byIndices, [&](auto &entry) { return entry.first == indices; });
    if (it == byIndices.end()) it = byIndices.insert(byIndices.end(), {indices, {}});
    it->second.push_back(pre);
  }
  for (auto &[indices, passes] : byIndices)
    if (auto done =
            add(prePassText(passes, interface, kernelName("pre_" + indices), title("statistics before the sweeps")));
        !done)
      return done;
  return {};
}

/// On Hopper its own skeleton, and where that refuses the portable one.
Result<std::vector<KernelText>> PlanEmitter::sweepKernels(const SweepProgram &part, const std::string &kernel,
                                                          const std::string &what, std::string &fallbackReason) {
  auto portable = [&] {
    return sweepText(part, kernel, what, kept).map([](KernelText text) { return std::vector{std::move(text)}; });
  };
  if (target.arch != "sm_90a") return portable();
  Result<std::vector<KernelText>> texts = hopperText(part, kernel, what, kept);
  if (texts) {
    const ResourceModel &model = texts->front().launch.resources;
    Result<void> fits = legal(model, defaultSchedule(model, target), target);
    if (fits) return texts;
    texts = tl::unexpected(fits.error());
  }
  if (texts.error().kind != ErrorKind::Unsupported) return texts;
  fallbackReason = texts.error().message;
  return portable();
}

Result<void> PlanEmitter::emitSweep(SweepOp sweep) {
  FlatSweep flat(sweep);
  std::vector<SweepProgram> parts = splitSweep(flat, interface);
  for (auto [i, part] : llvm::enumerate(parts)) {
    std::string name = sweep.getName().str() + (parts.size() > 1 ? std::string(1, static_cast<char>('a' + i)) : "");
    std::string what =
        std::string(sweep.isRowSweep() ? "row" : "column") + " sweep" +
        (parts.size() > 1 ? ", part " + std::to_string(i + 1) + " of " + std::to_string(parts.size()) : "");
    std::string fallbackReason;
    Result<std::vector<KernelText>> kernels = sweepKernels(part, kernelName(name), title(what), fallbackReason);
    if (!kernels) return tl::unexpected(kernels.error());
    const size_t before = variant.launches.size();
    for (KernelText &kernel : *kernels)
      if (auto done = add(std::move(kernel)); !done) return done;
    variant.executed_products += part.products();
    if (part.products() <= most_products) continue;
    most_products = part.products();
    const Launch &launch = variant.launches[before];
    variant.schedule = launch.schedule;
    variant.skeleton = launch.resources.warpgroups ? "hopper" : "portable";
    variant.fallback_reason = fallbackReason;
  }
  return {};
}

Result<KernelVariant> PlanEmitter::emit() {
  variant.program = plan.getProgram().str();
  variant.variant = plan.getVariant().str();
  findKept();
  if (auto done = emitBoxes(); !done) return tl::unexpected(done.error());
  if (auto done = emitPasses(); !done) return tl::unexpected(done.error());
  for (auto sweep : plan.getBody().getOps<SweepOp>())
    if (auto done = emitSweep(sweep); !done) return tl::unexpected(done.error());
  for (auto post : plan.getBody().getOps<PostOp>())
    if (auto done = add(postPassText(post, interface, kernelName("post_" + post.getOutput().str()),
                                     title("sums after the sweeps")));
        !done)
      return tl::unexpected(done.error());
  return variant;
}

/// One notice for all programs whose default variant the target's own skeleton does not run.
static void noticeFallback(KernelBundle &bundle) {
  std::string programs, reason, last;
  for (const KernelVariant &v : bundle.variants) {
    if (v.program != last && !v.fallback_reason.empty()) {
      programs += (programs.empty() ? "" : ", ") + v.program;
      if (reason.empty()) reason = v.fallback_reason;
    }
    last = v.program;
  }
  if (!programs.empty()) bundle.notices.push_back("on the portable skeleton: " + programs + ". " + reason);
}

/// Whether all of a variant's sweeps keep their sums and scores in registers.
static bool fitsRegisters(const KernelVariant &v) {
  return llvm::all_of(v.launches, [](const Launch &l) { return jvpgen::fitsRegisters(l.resources, l.schedule); });
}

/// Of a program's variants those on the target's own skeleton come first, then those that fit into registers, then
/// those that execute fewer products.
static bool isBetter(const KernelVariant &a, const KernelVariant &b) {
  auto rank = [](const KernelVariant &v) {
    return std::tuple(v.program, !v.fallback_reason.empty(), !fitsRegisters(v), v.executed_products);
  };
  return rank(a) < rank(b);
}

Result<KernelBundle> jvpgen::emitBundle(ModuleOp module, const Target &target) {
  Interface interface(module);
  KernelBundle bundle;
  bundle.name = interface.name, bundle.layout = interface.layout;
  bundle.head_dim_qk = interface.head_dim_qk, bundle.head_dim_v = interface.head_dim_v;
  bundle.tensors = interface.declarations;
  llvm::StringMap<Error> refused; // the first refusal of each program
  for (auto plan : module.getOps<PlanOp>()) {
    PlanEmitter emitter(plan, interface, target);
    Result<KernelVariant> variant = emitter.emit();
    if (!variant) {
      bundle.notices.push_back(plan.getProgram().str() + " (" + plan.getVariant().str() +
                               ") is left out: " + variant.error().message);
      refused.try_emplace(plan.getProgram(), variant.error());
      continue;
    }
    bundle.variants.push_back(*variant);
    bundle.files.insert(bundle.files.end(), emitter.files.begin(), emitter.files.end());
  }
  std::stable_sort(bundle.variants.begin(), bundle.variants.end(), isBetter);
  for (auto &[program, error] : refused)
    if (llvm::none_of(bundle.variants, [&](const KernelVariant &v) { return v.program == program; }))
      return tl::unexpected(error);
  noticeFallback(bundle);
  if (llvm::any_of(bundle.tensors, [](const TensorDeclaration &t) { return t.dtype == DType::F16; }) &&
      llvm::any_of(bundle.variants, [](const KernelVariant &v) { return v.program == "tangent_backward"; }))
    bundle.notices.push_back(
        "f16: weights of tangent_backward above 65504 become infinite, and so do the gradients that "
        "they enter; bf16 has the range of f32.");
  bundle.files.insert(bundle.files.end(), templateFiles().begin(), templateFiles().end());
  return bundle;
}
