// Plan to generated functions: one for each pre-pass, sweep and post-pass, in the plan's order.
#include "compiler/cpu/Compile.h"
#include "compiler/cpu/CpuExecutable.h"
#include "compiler/cpu/Elements.h"
#include "compiler/cpu/PlanCheck.h"
#include "compiler/cpu/Sweep.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

namespace {

/// Writes the functions of one plan into a module of their own.
class PlanCode {
public:
  PlanCode(ModuleOp source, attn::PlanOp plan)
      : source(source), plan(plan), storage(source), generated(ModuleOp::create(source.getLoc())),
        shape(TileShape::forLanes(hostLanes())), code(*generated, shape.lanes) {}

  Result<Program> emit() {
    if (auto ok = checkPlan(source, plan); !ok) return tl::unexpected(ok.error());
    for (Operation &op : plan.getBody().front()) {
      std::string function = "step" + std::to_string(program.steps.size());
      if (auto pre = dyn_cast<attn::PreOp>(op)) pass(function, pre.getBody(), pre.getName());
      if (auto post = dyn_cast<attn::PostOp>(op)) pass(function, post.getBody(), post.getOutput());
      if (auto sweep = dyn_cast<attn::SweepOp>(op)) this->sweep(function, sweep);
    }
    program.tensors.assign(storage.tensors().begin(), storage.tensors().end());
    program.layout = storage.layout();
    program.plan = plan.getSymName().str();
    for (const Tensor &t : program.tensors)
      if (t.in_workspace && !made.contains(t.name))
        return fail(ErrorKind::Invalid, "plan " + program.plan + " reads " + t.name +
                                            "; no tensor, pre-pass, accumulator or epilogue has that name; declare it");
    return std::move(program);
  }

  OwningOpRef<ModuleOp> take() { return std::move(generated); }

private:
  void pass(StringRef function, Region &body, StringRef target) {
    Value value = cast<attn::YieldOp>(body.front().getTerminator()).getValues()[0];
    const Tensor &tensor = storage.named(target, indicesOf(value));
    made.insert(tensor.name);
    emitPass(code, storage, function, body, tensor);
    Step step{function.str()};
    step.over_batch = tensor.has('b');
    step.heads = tensor.has('r') ? Step::QueryHeads : tensor.has('n') ? Step::KeyHeads : Step::NoHeads;
    step.axis = tensor.has('i') ? 'i' : tensor.has('j') ? 'j' : 0;
    step.rows = kPassRows;
    program.steps.push_back(step);
  }

  void sweep(StringRef function, attn::SweepOp op) {
    mergeRoles(op);
    LeftBehind left = namesUsedOutside(op);
    SweepLayout layout = SweepLayout::forCache(op, shape, storage);
    SweepCode(code, storage, layout, mask(), left).emit(function);
    for (const Accumulator &a : layout.accumulators)
      if (a.tensor) made.insert(a.tensor->name);
    for (auto epilogue : op.getBody().getOps<attn::EpilogueOp>()) made.insert(epilogue.getOutput());
    for (const std::string &name : left) made.insert(name);
    Step step{function.str()};
    step.heads = layout.own == 'i' && !layout.per_key_head ? Step::QueryHeads : Step::KeyHeads;
    step.axis = layout.own;
    step.rows = layout.shape.own_rows;
    step.is_sweep = true;
    step.largest_last = layout.own == 'i';
    for (const Accumulator &a : layout.accumulators)
      if (a.tensor && a.tensor->added_along) step.added.push_back(a.tensor->slot);
    program.steps.push_back(step);
    program.scratch_bytes = std::max<size_t>(program.scratch_bytes, layout.scratch_floats * 4);
  }

  /// Accumulators in registers, maxima and shifts of a sweep that other parts of the plan name.
  LeftBehind namesUsedOutside(attn::SweepOp op) {
    llvm::StringSet<> own;
    for (auto a : op.getBody().getOps<attn::AccumulatorOp>())
      if (a.getPlace() == "register") own.insert(a.getName());
    op.walk([&](attn::MaxOp max) { own.insert(max.getName()); });
    op.walk([&](attn::ShiftOp shift) { own.insert(shift.getName()); });
    LeftBehind left;
    plan.walk([&](attn::InputOp input) {
      bool isLocal = llvm::is_contained({"acc", "max", "shift"}, input.getKind());
      if (isLocal && own.contains(input.getName()) && !op->isAncestor(input) &&
          !llvm::is_contained(left, input.getName()))
        left.push_back(input.getName().str());
    });
    return left;
  }

  attn::MaskOp mask() {
    auto masks = source.getOps<attn::MaskOp>();
    return masks.empty() ? attn::MaskOp() : *masks.begin();
  }

  ModuleOp source;
  attn::PlanOp plan;
  Storage storage;
  OwningOpRef<ModuleOp> generated;
  TileShape shape;
  Code code;
  Program program;
  llvm::StringSet<> made;
};

} // namespace

Result<std::unique_ptr<Executable>> jvpgen::compileForCpu(ModuleOp module, attn::PlanOp plan,
                                                          const CpuOptions &options) {
  // Roles are merged in a copy.
  OwningOpRef<ModuleOp> copy(module.clone());
  auto copied = dyn_cast_or_null<attn::PlanOp>(SymbolTable::lookupSymbolIn(*copy, plan.getSymNameAttr()));
  PlanCode planCode(*copy, copied);
  Result<Program> program = planCode.emit();
  if (!program) return tl::unexpected(program.error());
  OwningOpRef<ModuleOp> generated = planCode.take();
  if (auto ok = lowerToLLVM(*generated); !ok) return tl::unexpected(ok.error());
  auto jit = Jit::compile(*generated);
  if (!jit) return tl::unexpected(jit.error());
  return makeExecutable(std::move(*program), std::move(*jit), options);
}
