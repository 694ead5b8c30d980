// The interpreter of plans.
#include "compiler/plan/Interpret.h"
#include "compiler/plan/MaskInterpreter.h"
#include "compiler/plan/Memory.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace jvpgen;
using namespace mlir;

static IndexSet indicesOf(Type type) { return IndexSet(std::string_view(cast<attn::ValueType>(type).getIndices())); }

/// Values of a plan have names of their own beside those of tensors.
static std::string keyOf(StringRef kind, StringRef name) {
  bool isTensor = kind == "primal" || kind == "tangent" || kind == "cotangent" || kind == "saved";
  return isTensor ? name.str() : (kind + ":" + name).str();
}

namespace {
/// A box of one sequence, and the values of a region there.
struct Site {
  const Sequence &sequence;
  Box box;
  DenseArray kept = {};
  llvm::DenseMap<Value, DenseArray> values = llvm::DenseMap<Value, DenseArray>();
};

class PlanInterpreter {
public:
  PlanInterpreter(attn::PlanOp plan, const PlanSetting &setting, const std::map<std::string, DenseArray> &inputs)
      : plan(plan), setting(setting), memory(setting, inputs), mask(findMask(), fetcher()) {}

  Result<PlanInterpretation> run() {
    for (Operation &op : plan.getBody().front()) {
      Result<void> done = llvm::TypeSwitch<Operation *, Result<void>>(&op)
                              .Case([&](attn::PreOp pre) { return runPre(pre); })
                              .Case([&](attn::SweepOp sweep) { return runSweep(sweep); })
                              .Case([&](attn::PostOp post) { return runPost(post); });
      if (!done) return tl::unexpected(done.error());
    }
    for (const std::string &name : written) result.outputs[name] = memory.tensor(name);
    return std::move(result);
  }

private:
  // ---- the mask ----

  attn::MaskOp findMask() {
    for (auto op : plan->getParentOfType<ModuleOp>().getOps<attn::MaskOp>()) return op;
    return nullptr;
  }

  Fetch fetcher() {
    return [this](StringRef name, int batch, int head, ArrayRef<std::pair<char, int>> at) {
      const Sequence &sequence = setting.sequences[size_t(batch)];
      Box box{{}, Extents(), setting.extents['r']};
      jvpgen::at(box.origin, 'n') = head / box.group, jvpgen::at(box.origin, 'r') = head % box.group;
      for (auto [axis, k] : at) jvpgen::at(box.origin, axis) = k;
      return memory.load(name.str(), sequence, box).values[0];
    };
  }

  /// 1 where an entry of the box is inside the lengths and kept.
  DenseArray keptEntries(const Site &site, int batch) const {
    DenseArray out{"ij", {}};
    const Box &box = site.box;
    int head = at(box.origin, 'n') * box.group + at(box.origin, 'r');
    forEachTuple("ij", box.lengths, [&](const IndexTuple &t) {
      int i = at(box.origin, 'i') + at(t, 'i'), j = at(box.origin, 'j') + at(t, 'j');
      bool inside = i < site.sequence.q_length && j < site.sequence.kv_length;
      out.values.push_back(inside && mask.keeps(batch, head, i, j, site.sequence.q_length, site.sequence.kv_length));
    });
    return out;
  }

  // ---- regions ----

  Result<void> evaluate(Operation &op, Site &site) {
    if (auto input = dyn_cast<attn::InputOp>(op)) {
      std::string key = keyOf(input.getKind(), input.getName());
      if (!memory.has(key) || memory.tensor(key).indices != indicesOf(input.getType()))
        return fail(ErrorKind::Invalid, "the plan " + plan.getSymName().str() + " reads " + key +
                                            " with the indices \"" + indicesOf(input.getType()).str() +
                                            "\", which is not there; give it as an input");
      site.values[input] = memory.load(key, site.sequence, site.box);
      return {};
    }
    std::vector<const DenseArray *> operands;
    for (Value v : op.getOperands()) operands.push_back(&site.values.at(v));
    DenseArray out = evaluateElements(op, operands, site.box, &site.kept);
    site.values[op.getResult(0)] = std::move(out);
    return {};
  }

  /// The value that a region yields in a box.
  Result<DenseArray> yielded(Region &region, Site &site) {
    for (Operation &op : region.front().without_terminator())
      if (auto done = evaluate(op, site); !done) return tl::unexpected(done.error());
    return site.values.at(cast<attn::YieldOp>(region.front().getTerminator()).getValues()[0]);
  }

  /// All rows and keys of a sequence for one key head and, if `r` is given, one query head of it.
  Site wholeSequence(size_t batch, int n, std::optional<int> r) {
    const Sequence &s = setting.sequences[batch];
    Site site{s, {{}, setting.extents, setting.extents['r'], s.q_length, s.kv_length}};
    Box &box = site.box;
    at(box.origin, 'b') = int(batch), at(box.origin, 'n') = n, at(box.origin, 'r') = r.value_or(0);
    box.lengths['b'] = box.lengths['n'] = 1;
    if (r) box.lengths['r'] = 1;
    box.lengths['i'] = s.q_length, box.lengths['j'] = s.kv_length;
    return site;
  }

  /// Computes a value for every sequence and head, and keeps it under `key`.
  Result<void> runRows(Region &region, const std::string &key) {
    Type type = region.front().getTerminator()->getOperand(0).getType();
    memory.allocate(key, indicesOf(type));
    for (size_t b = 0; b < setting.sequences.size(); ++b)
      for (int n = 0; n < setting.extents['n']; ++n) {
        Site site = wholeSequence(b, n, std::nullopt);
        Result<DenseArray> value = yielded(region, site);
        if (!value) return tl::unexpected(value.error());
        memory.update(key, site.sequence, site.box, *value, [](double, double now) { return now; });
      }
    return {};
  }

  Result<void> runPre(attn::PreOp pre) { return runRows(pre.getBody(), keyOf("stat", pre.getName())); }

  Result<void> runPost(attn::PostOp post) {
    Site site{setting.sequences[0], {{}, setting.extents, setting.extents['r']}};
    for (Operation &op : post.getBody().front().without_terminator()) {
      if (auto input = dyn_cast<attn::InputOp>(op))
        site.values[input] = memory.loadAll(keyOf(input.getKind(), input.getName()));
      else if (auto done = evaluate(op, site); !done)
        return done;
    }
    Value value = cast<attn::YieldOp>(post.getBody().front().getTerminator()).getValues()[0];
    memory.assign(post.getOutput().str(), site.values.at(value));
    written.push_back(post.getOutput().str());
    return {};
  }

  // ---- sweeps ----

  Result<void> runSweep(attn::SweepOp sweep) {
    steps = 0, products = 0;
    for (auto acc : sweep.getBody().getOps<attn::AccumulatorOp>()) {
      bool isOutput = acc.getOutput().has_value();
      memory.allocate(isOutput ? acc.getOutput()->str() : keyOf("acc", acc.getName()), indicesOf(acc.getType()));
      if (isOutput) written.push_back(acc.getOutput()->str());
    }
    sweep.walk([&](attn::MaxOp m) { memory.allocate(keyOf("max", m.getName()), "bnri", -HUGE_VAL); });
    sweep.walk([&](attn::ShiftOp r) {
      memory.allocate(keyOf("shift", r.getName()), "bnri");
      memory.allocate(keyOf("seen", r.getName()), "bnri");
    });
    for (size_t b = 0; b < setting.sequences.size(); ++b)
      for (int n = 0; n < setting.extents['n']; ++n)
        if (auto done = runOwners(sweep, b, n); !done) return done;
    result.executed += steps ? products / steps : 0;
    for (auto epilogue : sweep.getBody().getOps<attn::EpilogueOp>()) {
      if (auto done = runRows(epilogue.getBody(), epilogue.getOutput().str()); !done) return done;
      written.push_back(epilogue.getOutput().str());
    }
    return {};
  }

  /// All tiles of one sequence and key head: owners outside, streamed tiles inside.
  Result<void> runOwners(attn::SweepOp sweep, size_t batch, int n) {
    const Sequence &s = setting.sequences[batch];
    std::vector<std::array<int, 3>> order;
    for (int r = 0; r < setting.extents['r']; ++r)
      for (int i = 0; i < s.q_length; i += setting.tile_m)
        for (int j = 0; j < s.kv_length; j += setting.tile_n) order.push_back({r, i, j});
    if (!sweep.isRowSweep()) llvm::stable_sort(order, [](const auto &x, const auto &y) { return x[2] < y[2]; });
    for (auto [r, i, j] : order) {
      Site site = wholeSequence(batch, n, r);
      at(site.box.origin, 'i') = i, at(site.box.origin, 'j') = j;
      site.box.lengths['i'] = setting.tile_m, site.box.lengths['j'] = setting.tile_n;
      site.kept = keptEntries(site, int(batch));
      Result<TileClass> tile = classified(site, int(batch));
      if (!tile) return tl::unexpected(tile.error());
      ++(*tile == TileClass::Empty ? result.empty : *tile == TileClass::Full ? result.full : result.partial);
      if (*tile == TileClass::Empty) continue;
      ++steps;
      if (auto done = runTile(sweep, site); !done) return done;
    }
    return {};
  }

  /// The class of a tile, checked against the predicate.
  Result<TileClass> classified(const Site &site, int batch) const {
    const Box &box = site.box;
    int head = at(box.origin, 'n') * box.group + at(box.origin, 'r');
    int i0 = at(box.origin, 'i'), j0 = at(box.origin, 'j');
    int i1 = std::min(i0 + setting.tile_m, box.q_length) - 1, j1 = std::min(j0 + setting.tile_n, box.kv_length) - 1;
    TileClass tile = mask.classify(batch, head, i0, i1, j0, j1, box.q_length, box.kv_length);
    auto kept = llvm::count(site.kept.values, 1.0);
    bool isRight =
        tile == TileClass::Empty ? kept == 0 : tile != TileClass::Full || kept == long(i1 - i0 + 1) * (j1 - j0 + 1);
    if (isRight) return tile;
    return fail(ErrorKind::CheckFailed, "the tile of queries " + std::to_string(i0) + ".." + std::to_string(i1) +
                                            " and keys " + std::to_string(j0) + ".." + std::to_string(j1) +
                                            " was classified as " + (tile == TileClass::Empty ? "empty" : "full") +
                                            ", but the mask keeps " + std::to_string(kept) +
                                            " of its entries; mend the mask's classifier");
  }

  Result<void> runTile(attn::SweepOp sweep, Site &site) {
    std::map<std::string, DenseArray> exports;
    for (auto role : sweep.getBody().getOps<attn::RoleOp>())
      for (Operation &op : role.getBody().front()) {
        Result<void> done;
        llvm::TypeSwitch<Operation *>(&op)
            .Case([&](attn::ScoreOp score) { runScore(score, site); })
            .Case([&](attn::MaxOp m) { runMax(m, sweep, site); })
            .Case([&](attn::ShiftOp r) { runShift(r, site); })
            .Case([&](attn::ExportOp x) { exports[x.getName().str()] = site.values.at(x.getTile()); })
            .Case([&](attn::ImportOp x) { site.values[x] = exports.at(x.getName().str()); })
            .Case([&](attn::ReduceOp reduce) { runReduce(reduce, sweep, site); })
            .Case([&](attn::OutOp out) { runOut(out, sweep, site); })
            .Default([&](Operation *other) { done = evaluate(*other, site); });
        if (!done) return done;
      }
    return {};
  }

  double units(IndexSet over) const {
    return double(setting.extents.tuples(over & kFeature)) / double(setting.extents['d']);
  }

  void runScore(attn::ScoreOp score, Site &site) {
    DenseArray total;
    for (auto [x, y, over] : llvm::zip(score.getRows(), score.getColumns(), score.getOver())) {
      IndexSet feature(std::string_view(cast<StringAttr>(over).getValue()));
      DenseArray product = contract(site.values.at(x), site.values.at(y), feature, site.box);
      products += units(feature);
      if (total.values.empty())
        total = std::move(product);
      else
        for (auto [a, b] : llvm::zip(total.values, product.values)) a += b;
    }
    site.values[score] = std::move(total);
  }

  /// What stands before m in the exponents: the weight is exp(c x - c m).
  static double exponentScale(attn::MaxOp m) {
    for (Operation *user : m->getUsers()) {
      auto lin = dyn_cast<attn::LinOp>(user);
      if (!lin || llvm::none_of(lin->getUsers(), [](Operation *o) { return isa<attn::MexpOp>(o); })) continue;
      for (auto [term, c] : llvm::zip(lin.getTerms(), lin.getCoefficients()))
        if (term == m.getResult()) return -attn::toDouble(cast<StringAttr>(c).getValue());
    }
    return 1;
  }

  /// For each row of the tile, f(row, kept entries of `tile` in that row).
  void forRows(const Site &site, const DenseArray &tile,
               const std::function<void(size_t, std::vector<double>)> &f) const {
    const Extents &lengths = site.box.lengths;
    for (int i = 0; i < lengths['i']; ++i) {
      std::vector<double> kept;
      IndexTuple t{};
      at(t, 'i') = i;
      for (int j = 0; j < lengths['j']; ++j) {
        at(t, 'j') = j;
        if (site.kept.values[offsetOf(t, "ij", lengths)] != 0)
          kept.push_back(tile.values[offsetOf(t, tile.indices, lengths)]);
      }
      f(size_t(i), std::move(kept));
    }
  }

  void runMax(attn::MaxOp m, attn::SweepOp sweep, Site &site) {
    std::string key = keyOf("max", m.getName());
    DenseArray now = memory.load(key, site.sequence, site.box), factor = now;
    double scale = exponentScale(m);
    forRows(site, site.values.at(m.getScore()), [&](size_t row, std::vector<double> kept) {
      double before = now.values[row];
      for (double v : kept) now.values[row] = std::max(now.values[row], v);
      factor.values[row] = before == now.values[row] ? 1 : std::exp(scale * (before - now.values[row]));
    });
    memory.update(key, site.sequence, site.box, now, [](double, double v) { return v; });
    for (auto acc : sweep.getBody().getOps<attn::AccumulatorOp>())
      if (acc.getPlace() == "register")
        memory.update(keyOf("acc", acc.getName()), site.sequence, site.box, factor,
                      [](double a, double f) { return a * f; });
    site.values[m] = std::move(now);
  }

  void runShift(attn::ShiftOp r, Site &site) {
    std::string key = keyOf("shift", r.getName()), seenKey = keyOf("seen", r.getName());
    DenseArray now = memory.load(key, site.sequence, site.box), seen = memory.load(seenKey, site.sequence, site.box);
    forRows(site, site.values.at(r.getTile()), [&](size_t row, std::vector<double> kept) {
      if (seen.values[row] != 0 || kept.empty()) return;
      double sum = 0;
      for (double v : kept) sum += v;
      now.values[row] = sum / double(kept.size());
      seen.values[row] = 1;
    });
    memory.update(key, site.sequence, site.box, now, [](double, double v) { return v; });
    memory.update(seenKey, site.sequence, site.box, seen, [](double, double v) { return v; });
    site.values[r] = std::move(now);
  }

  void runReduce(attn::ReduceOp reduce, attn::SweepOp sweep, Site &site) {
    double c = attn::toDouble(reduce.getCoefficient());
    for (auto acc : sweep.getBody().getOps<attn::AccumulatorOp>()) {
      if (acc.getName() != reduce.getAccumulator()) continue;
      std::string key = acc.getOutput() ? acc.getOutput()->str() : keyOf("acc", acc.getName());
      DenseArray tile = site.values.at(reduce.getTile());
      if (acc.getPlace() != "tile") {
        DenseArray ones{kStreamed - indicesOf(acc.getType()), {}};
        ones.values.assign(site.box.lengths.tuples(ones.indices), 1);
        tile = contract(tile, ones, ones.indices, site.box);
      }
      memory.update(key, site.sequence, site.box, tile, [c](double a, double v) { return a + c * v; });
    }
  }

  void runOut(attn::OutOp out, attn::SweepOp sweep, Site &site) {
    double c = attn::toDouble(out.getCoefficient());
    IndexSet over = kStreamed & indicesOf(out.getMatrix().getType());
    DenseArray product = contract(site.values.at(out.getTile()), site.values.at(out.getMatrix()), over, site.box);
    products += units(indicesOf(out.getMatrix().getType()));
    memory.update(keyOf("acc", out.getAccumulator()), site.sequence, site.box, product,
                  [c](double a, double v) { return a + c * v; });
  }

  attn::PlanOp plan;
  const PlanSetting &setting;
  Memory memory;
  MaskInterpreter mask;
  PlanInterpretation result;
  std::vector<std::string> written;
  double steps = 0, products = 0;
};
} // namespace

Result<PlanInterpretation> jvpgen::interpretPlan(attn::PlanOp plan, const PlanSetting &given,
                                                 const std::map<std::string, DenseArray> &inputs) {
  PlanSetting setting = given;
  if (given.sequences.empty())
    for (int b = 0; b < given.extents['b']; ++b)
      setting.sequences.push_back({b, 0, given.extents['i'], 0, given.extents['j']});
  return PlanInterpreter(plan, setting, inputs).run();
}
