// Names along directions.
#include "compiler/derive/Directions.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

using namespace jvpgen;

static bool isOfTangent(const AttentionSpec &spec, const std::string &name) {
  return name == "to" || name == "mu" || (name.starts_with("t") && spec.hasTangent(std::string_view(name).substr(1)));
}

std::string jvpgen::along(const AttentionSpec &spec, const std::string &name, const std::string &direction) {
  if (!isOfTangent(spec, name)) return name;
  return name == "mu" ? name + direction.substr(1) : direction + name.substr(1);
}

std::vector<std::string> jvpgen::alongAll(const AttentionSpec &spec, const std::vector<std::string> &names,
                                          const std::vector<std::string> &directions) {
  std::vector<std::string> out;
  for (const std::string &name : names)
    for (const std::string &direction : directions)
      if (std::string n = along(spec, name, direction); !llvm::is_contained(out, n)) out.push_back(n);
  return out;
}

void jvpgen::declareDirections(mlir::ModuleOp module, const AttentionSpec &spec,
                               const std::vector<std::string> &directions) {
  for (attn::TensorOp declared : llvm::to_vector(module.getOps<attn::TensorOp>())) {
    std::string name = declared.getSymName().str();
    bool isDual = declared.getPart() == "cotangent" || declared.getPart() == "gradient";
    mlir::OpBuilder builder(declared->getContext());
    builder.setInsertionPointAfter(declared);
    for (const std::string &direction : directions) {
      std::string other = isDual ? "d" + along(spec, name.substr(1), direction) : along(spec, name, direction);
      if (other == name) continue;
      auto copy = llvm::cast<attn::TensorOp>(builder.clone(*declared));
      copy.setSymName(other);
      builder.setInsertionPointAfter(copy);
    }
  }
}
