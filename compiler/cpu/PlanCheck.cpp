// Refusals of the CPU backend.
#include "compiler/cpu/PlanCheck.h"
#include "compiler/cpu/Elements.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::cpu;

static tl::unexpected<Error> refuse(attn::PlanOp plan, std::string what, std::string remedy) {
  return fail(ErrorKind::Unsupported, "plan " + plan.getSymName().str() + " on the CPU: " + what + "; " + remedy);
}

/// Whether x depends on m other than through lin and mul with values of the row.
static bool bends(Value x, Value m) {
  auto depends = [&](Value v) {
    bool found = false;
    visit(
        {v}, [](Value w) { return !isa<attn::ScoreOp, attn::MaxOp>(w.getDefiningOp()); },
        [&](Value w) { found |= w == m; });
    return found;
  };
  if (x == m || !depends(x)) return false;
  Operation *op = x.getDefiningOp();
  if (isa<attn::LinOp>(op)) return llvm::any_of(op->getOperands(), [&](Value v) { return bends(v, m); });
  if (!isa<attn::MulOp>(op)) return true;
  for (Value v : op->getOperands())
    if (depends(v) ? bends(v, m) : cast<attn::ValueType>(v.getType()).isTile()) return true;
  return llvm::count_if(op->getOperands(), depends) > 1;
}

static Result<void> checkSweep(attn::PlanOp plan, attn::SweepOp sweep) {
  attn::MaxOp max;
  bool global = false;
  auto roles = sweep.getBody().getOps<attn::RoleOp>();
  std::string name = "sweep " + sweep.getName().str();
  if (roles.empty()) return refuse(plan, name + " has no role", "give it one");
  for (auto accumulator : sweep.getBody().getOps<attn::AccumulatorOp>()) global |= accumulator.getPlace() == "global";
  for (attn::RoleOp role : roles)
    for (Operation &op : role.getBody().front()) {
      if (isa<attn::SumOp, attn::LseOp>(op))
        return refuse(plan, name + " sums inside a role", "compute the sum in a pre-pass");
      if (auto found = dyn_cast<attn::MaxOp>(op)) {
        if (max) return refuse(plan, name + " has two maxima", "use one sweep for each normaliser");
        max = found;
      }
    }
  if (!max) return {};
  if (global) return refuse(plan, name + " rescales rows that other owners add to", "give the sweep the saved lse");
  for (attn::RoleOp role : roles)
    for (auto mexp : role.getBody().getOps<attn::MexpOp>())
      if (bends(mexp.getExponent(), max.getResult()))
        return refuse(plan, name + " has a weight whose exponent is not linear in the maximum",
                      "take the maximum of the exponent");
  return {};
}

/// Matrices that owners of key rows hold are packed once for all query heads.
static Result<void> checkOperands(attn::PlanOp plan, attn::SweepOp sweep) {
  if (sweep.isRowSweep()) return {};
  bool found = false;
  sweep.walk([&](attn::ScoreOp score) {
    for (Value v : score.getColumns()) found |= cast<attn::ValueType>(v.getType()).has('r');
  });
  if (found)
    return refuse(plan, "sweep " + sweep.getName().str() + " owns key rows that differ by query head",
                  "use a row sweep");
  return {};
}

Result<void> cpu::checkPlan(ModuleOp module, attn::PlanOp plan) {
  for (StringRef dim : {"attn.head_dim_qk", "attn.head_dim_v"}) {
    auto attribute = module->getAttrOfType<IntegerAttr>(dim);
    if (!attribute || attribute.getInt() <= 0 || attribute.getInt() % kFeatureRun)
      return refuse(plan, dim.str() + " is not a positive multiple of 8", "choose such a head dimension");
  }
  bool split = false;
  plan.walk([&](Operation *op) {
    for (Value v : op->getResults())
      if (auto type = dyn_cast<attn::ValueType>(v.getType())) split |= type.has('s');
  });
  if (split) return refuse(plan, "it splits the keys", "use a variant without splits: threads share rows here");
  for (auto sweep : plan.getBody().getOps<attn::SweepOp>()) {
    if (auto ok = checkSweep(plan, sweep); !ok) return ok;
    if (auto ok = checkOperands(plan, sweep); !ok) return ok;
  }
  return {};
}
