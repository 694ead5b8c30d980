#include "compiler/emit/Interface.h"

#include "compiler/emit/Text.h"

using namespace jvpgen;

static DType dtypeFrom(llvm::StringRef text) {
  for (DType t : {DType::F32, DType::BF16, DType::F16, DType::I32, DType::I8})
    if (std::string_view(text) == jvpgen::name(t)) return t;
  return DType::F32;
}

std::string TensorInfo::type() const {
  switch (dtype) {
  case DType::BF16: return "Bf16";
  case DType::F16: return "F16";
  case DType::F32: return "Tf32";
  case DType::I32: return "Int32";
  case DType::I8: return "Int8";
  case DType::F64: return "Float64";
  }
  return "";
}

Interface::Interface(mlir::ModuleOp module) {
  auto text = [&](llvm::StringRef key) {
    auto a = module->getAttrOfType<mlir::StringAttr>(key);
    return a ? a.getValue().str() : std::string();
  };
  auto number = [&](llvm::StringRef key) {
    auto a = module->getAttrOfType<mlir::IntegerAttr>(key);
    return a ? static_cast<int>(a.getInt()) : 0;
  };
  name = text("attn.name"), layout = text("attn.layout");
  element_f32 = text("attn.precision") == "tf32" ? "Tf32" : "Tf32x3";
  head_dim_qk = number("attn.head_dim_qk"), head_dim_v = number("attn.head_dim_v");
  for (auto t : module.getOps<attn::TensorOp>()) {
    TensorInfo info{t.getSymName().str(), t.getIndices().str(), dtypeFrom(t.getDtype())};
    info.per_sequence = t.getPerSequence();
    const bool isOutput = t.getPart() == "output" || t.getPart() == "gradient";
    declarations.push_back({info.name, info.indices, info.dtype, isOutput, info.per_sequence});
    tensors[info.name] = info;
  }
  for (auto m : module.getOps<attn::MaskOp>()) mask = m;
}

std::string Parameters::use(const TensorInfo &tensor) {
  if (std::find(order.begin(), order.end(), tensor.name) == order.end()) order.push_back(tensor.name);
  return "args." + identifier(tensor.name);
}

std::string Parameters::useMap(const TensorInfo &tensor, int features) {
  const std::pair map(tensor.name, features);
  if (!llvm::is_contained(maps, map)) maps.push_back(map);
  return "args." + identifier(tensor.name) + "_map" + std::to_string(features);
}

std::string Parameters::declaration(bool divides) const {
  std::string out = "struct Args {\n  Problem problem;\n";
  for (const std::string &name : order) out += "  Tensor " + identifier(name) + ";\n";
  if (divides) out += "  Division division;\n";
  for (auto &[name, features] : maps)
    out += "  TensorMap " + identifier(name) + "_map" + std::to_string(features) + ";\n";
  return out + "};\n";
}

std::string jvpgen::headOf(const TensorInfo &tensor) { return tensor.has('n') && !tensor.has('r') ? "s.n" : "s.h"; }

std::string jvpgen::placeOf(const TensorInfo &tensor) { return tensor.hasOwnRows() ? "with_own_rows(s)" : "s"; }

std::string jvpgen::numberAt(Parameters &parameters, const TensorInfo &tensor, const std::string &i,
                             const std::string &j) {
  return "number<" + tensor.type() + ">(" + parameters.use(tensor) + ", " + placeOf(tensor) + ", " + headOf(tensor) +
         ", " + (tensor.has('i') ? i : "0") + ", " + (tensor.has('j') ? j : "0") + ")";
}

std::string jvpgen::addressOf(Parameters &parameters, const TensorInfo &tensor, const std::string &i,
                              const std::string &j) {
  auto at = [&](bool has, const std::string &start, const std::string &x) {
    return !has ? std::string("0") : tensor.hasOwnRows() ? x : start + " + " + x;
  };
  return "element<" + tensor.type() + ">(" + parameters.use(tensor) + ", s.b, " + headOf(tensor) + ", " +
         at(tensor.has('i'), "s.q_start", i) + ", " + at(tensor.has('j'), "s.kv_start", j) + ")";
}

std::string jvpgen::measureText(Parameters &parameters, const Interface &interface) {
  auto body = [&]() -> std::string {
    auto tensor = [&](llvm::StringRef name) { return parameters.use(interface.tensors.lookup(name)); };
    if (interface.layout == "padded")
      return "measure_padded(s, " + tensor("q_lengths") + ", " + tensor("kv_lengths") + ")";
    if (interface.layout == "packed")
      return "measure_packed(s, " + tensor("q_offsets") + ", " + tensor("kv_offsets") + ")";
    return "measure_dense(s, args.problem)";
  };
  return "static DEV void measure(const Args &args, Sequence &s) { " + body() + "; }\n";
}
