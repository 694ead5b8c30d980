// Counts over the operations of a plan.
#include "compiler/plan/PlanStats.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include <set>

using namespace jvpgen;
using namespace mlir;

double PlanStats::executed() const {
  double out = 0;
  for (const SweepStats &s : sweeps) out += s.products;
  return out;
}

int PlanStats::pointwise() const {
  int out = 0;
  for (const SweepStats &s : sweeps) out += s.pointwise;
  return out;
}

static bool isTile(Value v) { return cast<attn::ValueType>(v.getType()).isTile(); }

/// A sum starts from its row part, or from a tile whose coefficient is 1 or -1; each other tile is one fused operation.
static int operationsOf(attn::LinOp lin) {
  int tiles = 0, others = attn::toDouble(lin.getConstant()) != 0;
  bool startsWithTile = false;
  for (auto [t, c] : llvm::zip(lin.getTerms(), lin.getCoefficients())) {
    if (!isTile(t)) {
      ++others;
      continue;
    }
    ++tiles;
    startsWithTile |= std::abs(attn::toDouble(cast<StringAttr>(c).getValue())) == 1;
  }
  return others ? tiles + others - 1 : startsWithTile ? tiles - 1 : tiles;
}

static int operationsOf(Operation &op) {
  return llvm::TypeSwitch<Operation *, int>(&op)
      .Case([](attn::LinOp lin) { return isTile(lin) ? operationsOf(lin) : 0; })
      .Case([](attn::MulOp mul) { return isTile(mul) ? int(mul.getFactors().size()) - 1 : 0; })
      .Case([](attn::ApplyOp apply) { return int(isTile(apply)); })
      .Case<attn::MexpOp, attn::MaxOp, attn::ReduceOp>([](auto) { return 1; })
      .Default([](Operation *) { return 0; });
}

static SweepStats sweepStats(attn::SweepOp sweep, HeadDims dims) {
  SweepStats out{sweep.getName().str()};
  auto units = [&](StringRef over) { return over.contains('e') ? double(dims.v) / dims.qk : 1.0; };
  std::set<std::pair<void *, std::string>> scaled; // tiles that an out needs with another coefficient
  sweep.walk([&](Operation *op) {
    if (!isa<attn::RoleOp>(op->getParentOp())) return;
    out.pointwise += operationsOf(*op);
    out.exports += isa<attn::ExportOp>(op);
    if (auto score = dyn_cast<attn::ScoreOp>(op))
      for (Attribute over : score.getOver()) out.products += units(cast<StringAttr>(over).getValue());
    if (auto product = dyn_cast<attn::OutOp>(op)) {
      out.products += units(cast<attn::ValueType>(product.getMatrix().getType()).getIndices());
      if (product.getCoefficient() != "1")
        scaled.insert({product.getTile().getAsOpaquePointer(), product.getCoefficient().str()});
    }
  });
  out.pointwise += int(scaled.size());
  return out;
}

PlanStats jvpgen::statsOf(attn::PlanOp plan, HeadDims dims) {
  PlanStats out;
  for (auto sweep : plan.getBody().getOps<attn::SweepOp>()) out.sweeps.push_back(sweepStats(sweep, dims));
  return out;
}
