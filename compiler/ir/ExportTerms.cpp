// Terms to operations and back.
#include "compiler/ir/ExportTerms.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include <set>

using namespace mlir;
using namespace jvpgen;

Type jvpgen::typeOf(MLIRContext *context, IndexSet indices) { return attn::ValueType::get(context, indices.str()); }

static StringRef kindName(InputKind kind) {
  switch (kind) {
  case InputKind::Primal: return "primal";
  case InputKind::Tangent: return "tangent";
  case InputKind::Cotangent: return "cotangent";
  case InputKind::Saved: return "saved";
  case InputKind::Plan: return "stat";
  }
  return "";
}

Value TermExporter::value(Term root) {
  for (Term t : topologicalOrder({root}))
    if (!values.contains(t)) values[t] = write(t);
  return values[root];
}

Value TermExporter::write(Term t) {
  Type type = typeOf(builder.getContext(), t->indices);
  SmallVector<Value> args;
  for (Term a : t->args) args.push_back(values[a]);
  switch (t->kind) {
  case TermKind::Input: return attn::InputOp::create(builder, loc, type, t->name, kindName(t->inputKind));
  case TermKind::Index: return attn::IndexOp::create(builder, loc, type, t->name);
  case TermKind::Size: return attn::IndexOp::create(builder, loc, type, "#" + t->name);
  case TermKind::Constant: return attn::ConstantOp::create(builder, loc, type, print(t->constant));
  case TermKind::Lin: {
    SmallVector<std::string> texts;
    for (const Rational &c : t->coefficients) texts.push_back(print(c));
    SmallVector<StringRef> coefficients(texts.begin(), texts.end());
    return attn::LinOp::create(builder, loc, type, args, builder.getStrArrayAttr(coefficients), print(t->constant));
  }
  case TermKind::Mul: return attn::MulOp::create(builder, loc, type, args);
  case TermKind::Sum: return attn::SumOp::create(builder, loc, type, args[0], t->over.str());
  case TermKind::Apply: return attn::ApplyOp::create(builder, loc, type, t->name, args);
  case TermKind::Lse: return attn::LseOp::create(builder, loc, type, args[0], t->over.str());
  case TermKind::Mexp: return attn::MexpOp::create(builder, loc, type, args[0]);
  }
  return nullptr;
}

Operation *jvpgen::exportProgram(const Program &program, ModuleOp module) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  std::set<std::string> read;
  for (Term t : topologicalOrder(program.roots()))
    if (t->is(TermKind::Input) && t->inputKind == InputKind::Saved) read.insert(t->name);
  SmallVector<StringRef> saved(read.begin(), read.end()), names;
  auto op =
      attn::ProgramOp::create(b, module.getLoc(), program.name, saved.empty() ? ArrayAttr() : b.getStrArrayAttr(saved));
  b.createBlock(&op.getBody());
  TermExporter exporter(b, module.getLoc());
  SmallVector<Value> results;
  for (const auto &[name, t] : program.outputs) {
    names.push_back(name);
    results.push_back(exporter.value(t));
  }
  attn::ReturnOp::create(b, module.getLoc(), results, b.getStrArrayAttr(names));
  return op;
}

static InputKind inputKindOf(StringRef name) {
  return llvm::StringSwitch<InputKind>(name)
      .Case("primal", InputKind::Primal)
      .Case("tangent", InputKind::Tangent)
      .Case("cotangent", InputKind::Cotangent)
      .Case("saved", InputKind::Saved)
      .Default(InputKind::Plan);
}

static Term importLin(TermContext &terms, attn::LinOp op, const std::vector<Term> &args) {
  std::vector<Summand> parts;
  for (auto [a, c] : llvm::zip(args, op.getCoefficients()))
    parts.push_back({a, toRational(cast<StringAttr>(c).getValue())});
  return terms.lin(std::move(parts), toRational(op.getConstant()));
}

/// The term of one operation, its operands' terms being known.
static Term importOperation(TermContext &terms, Operation &op, const std::vector<Term> &args) {
  auto indices = [&] { return IndexSet(cast<attn::ValueType>(op.getResult(0).getType()).getIndices()); };
  return llvm::TypeSwitch<Operation *, Term>(&op)
      .Case([&](attn::InputOp i) { return terms.input(i.getName().str(), indices(), inputKindOf(i.getKind())); })
      .Case([&](attn::IndexOp i) {
        return i.getName().starts_with("#") ? terms.size(i.getName()[1]) : terms.index(i.getName().str());
      })
      .Case([&](attn::ConstantOp c) { return terms.constant(toRational(c.getValue())); })
      .Case([&](attn::LinOp lin) { return importLin(terms, lin, args); })
      .Case([&](attn::MulOp) { return terms.mul(args); })
      .Case([&](attn::SumOp s) { return terms.sum(IndexSet(s.getOver()), args[0]); })
      .Case([&](attn::ApplyOp a) { return terms.apply(a.getFunction().str(), args); })
      .Case([&](attn::LseOp l) { return terms.lse(IndexSet(l.getOver()), args[0]); })
      .Case([&](attn::MexpOp) { return terms.mexp(args[0]); })
      .Default([](Operation *) { return nullptr; });
}

Program jvpgen::importProgram(TermContext &terms, Operation *operation) {
  auto op = cast<attn::ProgramOp>(operation);
  Program out;
  out.name = op.getSymName().str();
  if (auto module = op->getParentOfType<ModuleOp>()) {
    auto read = [&](StringRef name, int &value) {
      if (auto attribute = module->getAttrOfType<IntegerAttr>(name)) value = int(attribute.getInt());
    };
    read("attn.head_dim_qk", out.dims.qk);
    read("attn.head_dim_v", out.dims.v);
  }
  llvm::DenseMap<Value, Term> known;
  for (Operation &inner : op.getBody().front()) {
    std::vector<Term> args;
    for (Value v : inner.getOperands()) args.push_back(known[v]);
    if (auto result = dyn_cast<attn::ReturnOp>(inner)) {
      for (auto [name, t] : llvm::zip(result.getNames(), args))
        out.outputs.push_back({cast<StringAttr>(name).str(), t});
      break;
    }
    Term t = importOperation(terms, inner, args);
    known[inner.getResult(0)] = t;
    if (t->is(TermKind::Input) && !out.input(t->name)) out.inputs.push_back({t->name, t});
  }
  return out;
}
