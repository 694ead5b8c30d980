// Attributes and tensors of a module.
#include "compiler/ir/Declarations.h"

#include "compiler/ir/Predicate.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace jvpgen;

/// Every tensor that a program reads or writes, each once, in order of first use.
static std::vector<std::string> interfaceOf(const AttentionSpec &spec) {
  std::vector<std::string> out;
  auto add = [&](const std::vector<std::string> &names) {
    for (const std::string &n : names)
      if (!llvm::is_contained(out, n)) out.push_back(n);
  };
  for (const std::string &program : programsOf(spec)) {
    add(inputsOf(spec, program));
    add(outputsOf(spec, program));
  }
  return out;
}

/// A name of the specification's own first; then t x, d x, d t x of something that has tangents or cotangents.
static StringRef partOf(const AttentionSpec &spec, StringRef name) {
  if (const NamedInput *x = spec.input(name)) {
    if (x->kind == NamedInput::Kind::Mask) return "mask";
    return x->isDifferentiable() ? "primal" : "vector";
  }
  StringRef part = llvm::StringSwitch<StringRef>(name)
                       .Cases({"q", "k", "v"}, "primal")
                       .Cases({"o", "to", "lse", "mu"}, "output")
                       .Cases({"do", "dto", "dlse", "dmu"}, "cotangent")
                       .Cases({"q_lengths", "kv_lengths", "q_offsets", "kv_offsets"}, "length")
                       .Default("");
  if (!part.empty()) return part;
  return name.starts_with("t") && spec.hasTangent(name.drop_front()) ? "tangent" : "gradient";
}

static StringRef layoutName(Layout layout) {
  return layout == Layout::Dense ? "dense" : layout == Layout::Padded ? "padded" : "packed";
}

OwningOpRef<ModuleOp> jvpgen::declareModule(MLIRContext &context, const AttentionSpec &spec) {
  attn::registerDialects(context);
  OpBuilder b(&context);
  Location loc = FileLineColLoc::get(&context, spec.file, 1, 1);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  auto set = [&](StringRef name, Attribute value) { (*module)->setAttr(name, value); };
  set("attn.name", b.getStringAttr(spec.name));
  set("attn.head_dim_qk", b.getI64IntegerAttr(spec.head_dim_qk));
  set("attn.head_dim_v", b.getI64IntegerAttr(spec.head_dim_v));
  set("attn.dtype", b.getStringAttr(name(spec.dtype)));
  set("attn.layout", b.getStringAttr(layoutName(spec.layout)));
  set("attn.precision", b.getStringAttr(spec.dtype != DType::F32 ? StringRef(name(spec.dtype))
                                        : spec.three_xtf32       ? StringRef("3xtf32")
                                                                 : StringRef("tf32")));
  set("attn.softmax_scale", b.getF64FloatAttr(spec.softmax_scale));
  b.setInsertionPointToStart(module->getBody());
  for (const std::string &tensor : interfaceOf(spec))
    attn::TensorOp::create(b, loc, tensor, indicesOf(spec, tensor), name(dtypeOf(spec, tensor)), partOf(spec, tensor),
                           spec.layout == Layout::Packed && isPerSequence(spec, tensor));
  const Expr *mask = spec.mask ? &*spec.mask : nullptr;
  buildMask(b, mask ? Location(FileLineColLoc::get(&context, spec.file, mask->line, mask->column)) : loc, spec);
  return module;
}
