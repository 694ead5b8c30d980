// Random inputs and comparison.
#include "tests/plan/Harness.h"

#include "compiler/plan/MaskInterpreter.h"
#include "compiler/plan/Memory.h"
#include "compiler/plan/PlanStats.h"
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <sstream>

using namespace jvpgen;
using namespace jvpgen::test;

PlanSetting test::smallSetting() {
  PlanSetting s;
  for (auto [index, length] : {std::pair('b', 2), {'n', 2}, {'r', 2}, {'i', 21}, {'j', 18}, {'d', 4}, {'e', 6}})
    s.extents[index] = length;
  for (int b = 0; b < 2; ++b) s.sequences.push_back({b, 0, 21, 0, 18});
  return s;
}

PlanSetting test::paddedSetting() {
  PlanSetting s = smallSetting();
  s.sequences = {{0, 0, 20, 0, 7}, {1, 0, 3, 0, 18}};
  return s;
}

PlanSetting test::packedSetting() {
  PlanSetting s = smallSetting();
  s.extents['b'] = 1;
  s.sequences = {{0, 0, 9, 0, 6}, {0, 9, 12, 6, 12}};
  return s;
}

void test::fillInputs(Arrays &arrays, const Program &program, const AttentionSpec &spec, const PlanSetting &setting) {
  static std::mt19937 generator(7);
  std::normal_distribution<double> normal;
  for (Term t : topologicalOrder(program.roots())) {
    if (!t->is(TermKind::Input) || arrays.count(t->name)) continue;
    DenseArray &a = arrays[t->name] = {t->indices, std::vector<double>(setting.extents.tuples(t->indices))};
    for (double &v : a.values) v = normal(generator);
  }
  for (const NamedInput &x : spec.inputs) {
    if (arrays.count(x.name)) continue;
    DenseArray &a = arrays[x.name] = {IndexSet(x.indices), {}};
    bool isMask = x.kind == NamedInput::Kind::Mask;
    for (size_t k = 0, n = setting.extents.tuples(a.indices); k < n; ++k)
      a.values.push_back(isMask ? double(generator() % 3 != 0) : double(k % 21 / 6)); // runs of documents
  }
}

/// The part of an array that belongs to one sequence.
static DenseArray slice(const Memory &memory, const std::string &name, const Sequence &sequence,
                        const PlanSetting &setting) {
  Box box{{}, setting.extents};
  box.lengths['b'] = 1, box.lengths['i'] = sequence.q_length, box.lengths['j'] = sequence.kv_length;
  return memory.load(name, sequence, box);
}

Arrays test::upperValues(mlir::ModuleOp module, const Program &program, const PlanSetting &setting,
                         const Arrays &inputs) {
  attn::MaskOp mask;
  for (auto op : module.getOps<attn::MaskOp>()) mask = op;
  Memory memory(setting, inputs), results(setting, {});
  for (auto &[name, t] : program.outputs) results.allocate(name, t->indices);
  for (size_t b = 0; b < setting.sequences.size(); ++b) {
    const Sequence &s = setting.sequences[b];
    MaskInterpreter interpreter(
        mask, [&](llvm::StringRef name, int, int head, llvm::ArrayRef<std::pair<char, int>> place) {
          Box box;
          at(box.origin, 'n') = head / setting.extents['r'], at(box.origin, 'r') = head % setting.extents['r'];
          for (auto [axis, k] : place) at(box.origin, axis) = k;
          return memory.load(name.str(), s, box).values[0];
        });
    Box box{{}, setting.extents};
    box.lengths['b'] = 1, box.lengths['i'] = s.q_length, box.lengths['j'] = s.kv_length;
    Arrays own;
    for (auto &[name, a] : inputs) own[name] = slice(memory, name, s, setting);
    auto keep = [&](int, int h, int i, int j) { return interpreter.keeps(int(b), h, i, j, s.q_length, s.kv_length); };
    Result<Interpretation> values = interpret(program, box.lengths, own, keep);
    if (!values) {
      ADD_FAILURE() << values.error().text();
      return {};
    }
    for (auto &[name, a] : values->outputs)
      results.update(name, s, box, a, [](double old, double now) { return old + now; });
  }
  Arrays out;
  for (auto &[name, t] : program.outputs) out[name] = results.tensor(name);
  return out;
}

Arrays test::withNaNPadding(const Arrays &arrays, const Program &program, const PlanSetting &setting) {
  Arrays out = arrays;
  for (Term t : topologicalOrder(program.roots())) {
    if (!t->is(TermKind::Input) || !t->indices.has('b') || !t->indices.meets(kStreamed)) continue;
    DenseArray &a = out.at(t->name);
    forEachTuple(a.indices, setting.extents, [&](const IndexTuple &place) {
      bool isInside = false;
      for (const Sequence &s : setting.sequences) {
        int i = at(place, 'i') - s.q_first, j = at(place, 'j') - s.kv_first;
        bool rows = !a.indices.has('i') || (i >= 0 && i < s.q_length),
             keys = !a.indices.has('j') || (j >= 0 && j < s.kv_length);
        isInside |= at(place, 'b') == s.row && rows && keys;
      }
      if (!isInside) a.values[offsetOf(place, a.indices, setting.extents)] = std::nan("");
    });
  }
  return out;
}

double test::worstError(const DenseArray &got, const DenseArray &want) {
  double greatest = 1e-3, worst = 0;
  for (size_t k = 0; k < want.values.size(); ++k) {
    double w = want.values[k], g = got.values[got.values.size() == 1 ? 0 : k];
    if (std::isfinite(w)) greatest = std::max(greatest, std::fabs(w));
    if (w != g) worst = std::isnan(w - g) ? HUGE_VAL : std::max(worst, std::fabs(w - g));
  }
  return worst / greatest;
}

void test::expectPlan(attn::PlanOp plan, const Program &program, const PlanSetting &setting, const Arrays &inputs,
                      const Arrays &want) {
  std::string name = plan.getSymName().str();
  Result<PlanInterpretation> run = interpretPlan(plan, setting, inputs);
  ASSERT_TRUE(run) << name << ": " << run.error().text();
  for (auto &[output, t] : program.outputs) {
    ASSERT_TRUE(run->outputs.count(output)) << name << " does not write " << output;
    const DenseArray &got = run->outputs.at(output);
    EXPECT_TRUE(got.indices == t->indices) << name << ": " << output << " has the indices " << got.indices.str();
    EXPECT_LT(worstError(got, want.at(output)), 1e-12) << name << ": " << output;
  }
  HeadDims dims{setting.extents['d'], setting.extents['e']};
  EXPECT_NEAR(run->executed, statsOf(plan, dims).executed(), 1e-9) << name;
}

AttentionSpec test::readSpec(const std::string &path) {
  std::ifstream file(std::string(JVPGEN_SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  Result<AttentionSpec> spec = parseSpec(text.str(), path);
  if (!spec) ADD_FAILURE() << spec.error().text();
  return spec ? *spec : AttentionSpec();
}

AttentionSpec test::parsed(const std::string &toml) {
  Result<AttentionSpec> spec = parseSpec(toml, "test.toml");
  if (!spec) ADD_FAILURE() << spec.error().text();
  return spec ? *spec : AttentionSpec();
}
