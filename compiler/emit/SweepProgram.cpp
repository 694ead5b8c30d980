#include "compiler/emit/SweepProgram.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

/// Registers of a thread that accumulators and score tiles may take in a kernel without spills.
static constexpr int kRegisterBudget = 196;
/// The fewest streamed rows of a tile.
static constexpr int kSmallestTile = 16;

static int padded(int features) { return (features + 15) / 16 * 16; }

FlatSweep::FlatSweep(SweepOp sweep) : sweep(sweep) {
  std::map<std::string, Value> exported, inputs, scores;
  auto merge = [&](std::map<std::string, Value> &known, const std::string &key, Value v, Operation *op) {
    auto [it, isNew] = known.try_emplace(key, v);
    if (isNew)
      body.push_back(op);
    else
      alias[v] = it->second;
  };
  for (auto role : sweep.getBody().getOps<RoleOp>())
    for (Operation &op : role.getBody().front()) {
      if (auto e = dyn_cast<ExportOp>(op))
        exported[e.getName().str()] = resolve(e.getTile());
      else if (auto i = dyn_cast<ImportOp>(op))
        alias[i.getResult()] = exported[i.getName().str()];
      else if (auto input = dyn_cast<InputOp>(op))
        merge(inputs, input.getName().str() + " " + input.getKind().str(), input.getResult(), &op);
      else if (auto score = dyn_cast<ScoreOp>(op)) {
        std::string key;
        llvm::raw_string_ostream os(key);
        for (Value v : op.getOperands()) os << resolve(v).getAsOpaquePointer() << " ";
        merge(scores, key + std::to_string(score.getRows().size()), score.getResult(), &op);
      } else
        body.push_back(&op);
    }
}

AccumulatorOp SweepProgram::accumulator(StringRef name) const {
  for (AccumulatorOp acc : accumulators)
    if (AccumulatorOp(acc).getName() == name) return acc;
  return nullptr;
}

SweepProgram::SweepProgram(const FlatSweep &flat, const Interface &interface, llvm::ArrayRef<std::string> names)
    : flat(flat), interface(interface) {
  SweepOp sweep = flat.sweep;
  for (auto acc : sweep.getBody().getOps<AccumulatorOp>())
    if (llvm::is_contained(names, acc.getName())) accumulators.push_back(acc);
  std::vector<Operation *> pending;
  auto need = [&](Value v) {
    Operation *op = resolve(v).getDefiningOp();
    if (needed.insert(op).second) pending.push_back(op);
  };
  bool online = false; // a row maximum rescales every accumulator
  for (Operation *op : flat.body) {
    if (auto out = dyn_cast<OutOp>(op); out && accumulator(out.getAccumulator())) {
      outs.push_back(out);
      need(out.getTile());
    } else if (auto reduce = dyn_cast<ReduceOp>(op); reduce && accumulator(reduce.getAccumulator())) {
      reduces.push_back(reduce);
      need(reduce.getTile());
    } else if (isa<MaxOp>(op))
      online = true;
  }
  if (online)
    for (Operation *op : flat.body)
      if (isa<MaxOp>(op)) need(op->getResult(0));
  while (!pending.empty()) {
    Operation *op = pending.back();
    pending.pop_back();
    for (Value v : op->getOperands()) need(v);
  }
  for (Operation *op : flat.body) {
    if (!needed.contains(op)) continue;
    if (auto score = dyn_cast<ScoreOp>(op)) scores.push_back(score);
    if (auto max = dyn_cast<MaxOp>(op)) maxima.push_back(max);
    if (auto shift = dyn_cast<ShiftOp>(op)) shifts.push_back(shift);
  }
  for (ScoreOp score : scores)
    for (unsigned i = 0; i < score.getRows().size(); ++i) {
      addOperand(own, ownFactor(score, i));
      addOperand(streamed, streamedFactor(score, i));
    }
  for (OutOp out : outs) addOperand(streamed, resolve(out.getMatrix()));
  for (auto epilogue : sweep.getBody().getOps<EpilogueOp>()) {
    bool mine = true;
    for (auto input : epilogue.getBody().getOps<InputOp>())
      if (input.getKind() == "acc" && !accumulator(input.getName())) mine = false;
    if (mine) epilogues.push_back(epilogue);
  }
}

Value SweepProgram::ownFactor(ScoreOp score, unsigned i) const {
  return resolve(isRowSweep() ? score.getRows()[i] : score.getColumns()[i]);
}
Value SweepProgram::streamedFactor(ScoreOp score, unsigned i) const {
  return resolve(isRowSweep() ? score.getColumns()[i] : score.getRows()[i]);
}

static InputOp inputOf(Value v) { return v.getDefiningOp<InputOp>(); }

int SweepProgram::find(llvm::ArrayRef<Operand> operands, Value input) {
  InputOp op = inputOf(input);
  for (auto [i, operand] : llvm::enumerate(operands))
    if (op && operand.tensor == op.getName()) return static_cast<int>(i);
  return -1;
}

void SweepProgram::addOperand(std::vector<Operand> &operands, Value input) {
  if (InputOp op = inputOf(input); op && find(operands, input) < 0)
    operands.push_back({op.getName().str(), interface.features(cast<ValueType>(input.getType()).getIndices())});
}

double SweepProgram::products() const {
  double features = 0;
  for (ScoreOp score : scores)
    for (Attribute over : score.getOver()) features += interface.features(cast<StringAttr>(over).getValue());
  for (OutOp out : outs) features += interface.features(cast<ValueType>(out.getMatrix().getType()).getIndices());
  return interface.head_dim_qk ? features / interface.head_dim_qk : 0;
}

ResourceModel SweepProgram::resources() const {
  ResourceModel model;
  model.is_sweep = true;
  model.owns_queries = isRowSweep();
  for (const Operand &o : own) {
    auto tensor = interface.tensors.find(o.tensor);
    if (tensor != interface.tensors.end()) model.element_bytes = static_cast<int>(byteSize(tensor->second.dtype));
  }
  const int padding = 16 / model.element_bytes; // makes the rows an odd number of 16-byte pieces long
  for (const Operand &o : own) model.own_features += padded(o.features) + padding;
  for (const Operand &o : streamed) model.streamed_features += padded(o.features) + padding;
  for (const Operand &o : own) model.own_registers += padded(o.features) / 4;
  for (AccumulatorOp acc : accumulators)
    model.output_features += padded(interface.features(cast<ValueType>(AccumulatorOp(acc).getType()).getIndices()));
  model.score_tiles = static_cast<int>(scores.size() + loadedTiles());
  llvm::SetVector<Value> weights;
  for (OutOp out : outs) weights.insert(resolve(out.getTile()));
  model.packed_tiles = static_cast<int>(weights.size());
  return model;
}

/// Tensors with i and j that entries read: each is loaded to a tile in registers.
size_t SweepProgram::loadedTiles() const {
  return static_cast<size_t>(llvm::count_if(
      needed, [](Operation *op) { return isa<InputOp>(op) && cast<ValueType>(op->getResult(0).getType()).isTile(); }));
}

static bool fits(const SweepProgram &program) {
  ResourceModel model = program.resources();
  return model.output_features / 2 + std::max(model.score_tiles, model.packed_tiles) * kSmallestTile / 2 <=
         kRegisterBudget;
}

std::vector<SweepProgram> jvpgen::splitSweep(const FlatSweep &flat, const Interface &interface) {
  SweepOp sweep = flat.sweep;
  std::vector<std::string> all;
  std::vector<std::vector<std::string>> groups;
  for (auto acc : sweep.getBody().getOps<AccumulatorOp>()) {
    all.push_back(acc.getName().str());
    groups.push_back({acc.getName().str()});
  }
  SweepProgram whole(flat, interface, all);
  if (fits(whole)) return {whole};
  auto join = [&](size_t a, size_t b) {
    if (a == b) return;
    groups[a].insert(groups[a].end(), groups[b].begin(), groups[b].end());
    groups.erase(groups.begin() + static_cast<long>(b));
  };
  auto groupOf = [&](StringRef name) {
    return static_cast<size_t>(llvm::find_if(groups, [&](auto &g) { return llvm::is_contained(g, name); }) -
                               groups.begin());
  };
  for (auto epilogue : sweep.getBody().getOps<EpilogueOp>()) {
    std::string first;
    for (auto input : epilogue.getBody().getOps<InputOp>())
      if (input.getKind() == "acc") {
        if (first.empty()) first = input.getName().str();
        join(groupOf(first), groupOf(input.getName()));
      }
  }
  // Of the pairs of groups that fit in one kernel, the one that saves most products is joined, until none is left.
  auto program = [&](llvm::ArrayRef<std::string> names) { return SweepProgram(flat, interface, names); };
  while (true) {
    double best = -1;
    size_t bestA = 0, bestB = 0;
    for (size_t a = 0; a < groups.size(); ++a)
      for (size_t b = a + 1; b < groups.size(); ++b) {
        std::vector<std::string> both = groups[a];
        both.insert(both.end(), groups[b].begin(), groups[b].end());
        SweepProgram candidate = program(both);
        double saved = program(groups[a]).products() + program(groups[b]).products() - candidate.products();
        if (fits(candidate) && saved > best) best = saved, bestA = a, bestB = b;
      }
    if (best < 0) break;
    join(bestA, bestB);
  }
  std::vector<SweepProgram> out;
  for (auto &group : groups) out.push_back(program(group));
  return out;
}
