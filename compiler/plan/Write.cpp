// From terms to operations of the lower level.
#include "compiler/plan/Write.h"

#include "compiler/ir/ExportTerms.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace jvpgen;
using namespace mlir;

namespace {
/// Writes terms; what stands for something of the plan (acc, max, shift) becomes an input of that kind.
class ValueWriter {
public:
  using Kinds = std::map<Term, std::string>;

  ValueWriter(OpBuilder &builder, Location loc, const Kinds &kinds)
      : builder(builder), loc(loc), kinds(kinds), exporter(builder, loc) {}

  void bind(Term t, Value v) {
    exporter.bind(t, v);
    bound.insert(t);
  }

  Value value(Term root) {
    for (Term t : topologicalOrder({root})) {
      auto kind = kinds.find(t);
      if (kind == kinds.end() || bound.count(t)) continue;
      bind(t, attn::InputOp::create(builder, loc, type(t), t->name, kind->second));
    }
    return exporter.value(root);
  }

  /// The inputs below the terms, but for what is defined later.
  void inputsOf(const std::vector<Term> &terms, const TermSet &later) {
    for (Term t : topologicalOrder(terms))
      if (t->is(TermKind::Input) && !later.count(t)) value(t);
  }

  Type type(Term t) { return typeOf(builder.getContext(), t->indices); }

private:
  OpBuilder &builder;
  Location loc;
  const Kinds &kinds;
  TermExporter exporter;
  TermSet bound;
};

class PlanWriter {
public:
  PlanWriter(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  void write(const Variant &variant) {
    for (const Sweep &sweep : variant.sweeps) {
      for (const Accumulator &a : sweep.accumulators) kinds[a.symbol] = "acc";
      for (const Role &role : sweep.roles) {
        if (role.maximum) kinds[role.maximum->symbol] = "max";
        for (const RowShift &s : role.shifts) kinds[s.symbol] = "shift";
      }
    }
    for (auto &[name, t] : variant.statistics) writeValue(attn::PreOp::create(builder, loc, name).getBody(), t);
    for (const Sweep &sweep : variant.sweeps) write(sweep);
    for (auto &[name, t] : variant.posts) writeValue(attn::PostOp::create(builder, loc, name).getBody(), t);
  }

private:
  void writeValue(Region &region, Term t) {
    OpBuilder::InsertionGuard guard(builder);
    builder.createBlock(&region);
    Value v = ValueWriter(builder, loc, kinds).value(t);
    attn::YieldOp::create(builder, loc, ValueRange{v});
  }

  void write(const Sweep &sweep) {
    auto op = attn::SweepOp::create(builder, loc, sweep.name, sweep.axis == Axis::Row ? "j" : "i");
    OpBuilder::InsertionGuard guard(builder);
    builder.createBlock(&op.getBody());
    for (const Accumulator &a : sweep.accumulators) write(a);
    for (const Role &role : sweep.roles) write(role);
    for (auto &[name, t] : sweep.epilogues) writeValue(attn::EpilogueOp::create(builder, loc, name).getBody(), t);
  }

  void write(const Accumulator &a) {
    StringRef place = a.place == Place::Register ? "register" : a.place == Place::Global ? "global" : "tile";
    StringAttr output = a.output.empty() ? StringAttr() : builder.getStringAttr(a.output);
    attn::AccumulatorOp::create(builder, loc, builder.getStringAttr(a.name()),
                                TypeAttr::get(typeOf(builder.getContext(), a.symbol->indices)),
                                builder.getStringAttr(place), output);
  }

  void write(const Role &role) {
    auto op = attn::RoleOp::create(builder, loc);
    OpBuilder::InsertionGuard guard(builder);
    builder.createBlock(&op.getBody());
    ValueWriter values(builder, loc, kinds);
    for (Term x : role.imports) values.bind(x, attn::ImportOp::create(builder, loc, values.type(x), x->name));
    writeInputs(role, values);
    for (const Score &s : role.scores) write(s, values);
    if (const auto &m = role.maximum) {
      Value operand = values.value(m->operand);
      values.bind(m->symbol, attn::MaxOp::create(builder, loc, values.type(m->symbol), operand, m->symbol->name));
    }
    for (const RowShift &s : role.shifts) {
      Value tile = values.value(s.tile);
      values.bind(s.symbol, attn::ShiftOp::create(builder, loc, values.type(s.symbol), tile, s.symbol->name));
    }
    for (auto &[symbol, tile] : role.exports) values.value(tile);
    for (const Contribution &c : role.contributions) values.value(c.tile);
    writeResults(role, values);
  }

  void writeInputs(const Role &role, ValueWriter &values) {
    TermSet later;
    std::vector<Term> terms;
    for (const Score &s : role.scores) {
      later.insert(s.symbol);
      terms.insert(terms.end(), s.products.begin(), s.products.end());
    }
    if (role.maximum) later.insert(role.maximum->symbol), terms.push_back(role.maximum->operand);
    for (const RowShift &s : role.shifts) later.insert(s.symbol), terms.push_back(s.tile);
    for (auto &[symbol, tile] : role.exports) terms.push_back(tile);
    for (const Contribution &c : role.contributions) {
      terms.push_back(c.tile);
      if (c.matrix) terms.push_back(c.matrix);
    }
    values.inputsOf(terms, later);
  }

  /// A score's products: the factors with i as rows, those with j as columns.
  void write(const Score &score, ValueWriter &values) {
    std::vector<Value> rows, columns;
    std::vector<std::string> over;
    for (Term product : score.products) {
      std::vector<Term> row, column;
      for (Term f : factorsOf(product->args[0])) (f->indices.has('j') ? column : row).push_back(f);
      rows.push_back(values.value(product->context->mul(row)));
      columns.push_back(values.value(product->context->mul(column)));
      over.push_back(product->over.str());
    }
    SmallVector<StringRef> texts(over.begin(), over.end());
    values.bind(score.symbol, attn::ScoreOp::create(builder, loc, values.type(score.symbol), rows, columns,
                                                    builder.getStrArrayAttr(texts)));
  }

  void writeResults(const Role &role, ValueWriter &values) {
    for (auto &[symbol, tile] : role.exports) attn::ExportOp::create(builder, loc, values.value(tile), symbol->name);
    for (const Contribution &c : role.contributions)
      if (!c.matrix)
        attn::ReduceOp::create(builder, loc, values.value(c.tile), c.accumulator->name, print(c.coefficient));
    for (const Contribution &c : role.contributions)
      if (c.matrix)
        attn::OutOp::create(builder, loc, values.value(c.tile), values.value(c.matrix), c.accumulator->name,
                            print(c.coefficient));
  }

  OpBuilder &builder;
  Location loc;
  ValueWriter::Kinds kinds;
};
} // namespace

attn::PlanOp jvpgen::writePlan(ModuleOp module, StringRef program, const Variant &variant) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  std::string symbol = program.str() + "_";
  for (char c : variant.name) symbol += llvm::isAlnum(c) ? c : '_';
  auto plan = attn::PlanOp::create(builder, module.getLoc(), symbol, program, variant.name);
  builder.createBlock(&plan.getBody());
  PlanWriter(builder, module.getLoc()).write(variant);
  return plan;
}
