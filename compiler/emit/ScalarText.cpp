#include "compiler/emit/ScalarText.h"

#include "compiler/emit/Pointwise.h"
#include "compiler/emit/Text.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

Result<std::string> ScalarText::use(Value v) {
  if (auto it = names.find(v); it != names.end()) return it->second;
  Operation *op = v.getDefiningOp();
  if (auto constant = dyn_cast<ConstantOp>(op)) return literal(toDouble(constant.getValue()));
  if (auto sumOp = dyn_cast<SumOp>(op)) {
    if (!sum)
      return fail(ErrorKind::Unsupported,
                  "a sum over \"" + sumOp.getOver().str() +
                      "\" in an epilogue was asked for; the portable skeleton sums in pre- and post-passes.");
    Result<std::string> text = sum(sumOp);
    if (text) names[v] = *text;
    return text;
  }
  Result<std::string> text = expression(op);
  if (!text) return text;
  std::string name = fresh("x");
  (cast<ValueType>(v.getType()).hasFeature() || depth ? inner : outer) += "const float " + name + " = " + *text + ";\n";
  return names[v] = name;
}

void ScalarText::forgetInner() {
  inner.clear();
  auto known = names;
  for (auto &[value, name] : known)
    if (cast<ValueType>(value.getType()).hasFeature()) names.erase(value);
}

Result<std::string> ScalarText::body(Value v, std::string &statements) {
  std::string saved;
  std::swap(saved, inner);
  auto known = names;
  ++depth;
  Result<std::string> text = use(v);
  --depth;
  names = known; // what was computed inside the loop is not known outside
  std::swap(saved, inner);
  statements = saved;
  return text;
}

Result<std::string> ScalarText::expression(Operation *op) {
  auto list = [&](ValueRange values) -> Result<std::vector<std::string>> {
    std::vector<std::string> out;
    for (Value v : values) {
      Result<std::string> text = use(v);
      if (!text) return tl::unexpected(text.error());
      out.push_back(*text);
    }
    return out;
  };
  Result<std::vector<std::string>> arguments = list(op->getOperands());
  if (!arguments) return tl::unexpected(arguments.error());
  return llvm::TypeSwitch<Operation *, Result<std::string>>(op)
      .Case([&](InputOp x) { return leaf(x); })
      .Case([&](IndexOp x) { return place(x); })
      .Case([&](LinOp x) -> Result<std::string> {
        std::vector<std::string> terms;
        for (auto [text, c] : llvm::zip(*arguments, x.getCoefficients()))
          terms.push_back(scaled(toDouble(cast<StringAttr>(c).getValue()), text));
        if (double constant = toDouble(x.getConstant()); constant != 0) terms.push_back(literal(constant));
        return joinTerms(terms);
      })
      .Case([&](MulOp) -> Result<std::string> { return llvm::join(*arguments, " * "); })
      .Case([&](ApplyOp x) {
        arguments->front() = scaled(argumentScale(x.getFunction()), arguments->front());
        return applyText(x.getFunction(), *arguments);
      })
      .Default([&](Operation *x) -> Result<std::string> {
        return fail(ErrorKind::Unsupported,
                    "the operation " + x->getName().getStringRef().str() +
                        " outside a tile has no CUDA text in the portable skeleton; choose another variant.");
      });
}
