#include "compiler/spec/ExpressionChecker.h"
#include "compiler/spec/Suggestion.h"
#include <algorithm>

namespace jvpgen {

namespace {
enum class Type { Number, Boolean };

constexpr std::string_view name(Type type) { return type == Type::Number ? "a number" : "a condition"; }

class Checker {
public:
  Checker(const AttentionSpec &spec, bool isMask) : spec(spec), isMask(isMask), what(isMask ? "mask" : "score") {
    known = {"q_index", "kv_index", "head", "batch", "q_length", "kv_length"};
    if (!isMask) known.push_back("z");
    for (const NamedInput &input : spec.inputs)
      if (isMask ? isIntegers(input) : input.isDifferentiable()) known.push_back(input.name);
  }

  Result<Type> typeOf(const Expr &e) const {
    switch (e.op) {
    case ExprOp::Number: return number(e);
    case ExprOp::Variable: return variable(e);
    case ExprOp::True:
    case ExprOp::False: return Type::Boolean;
    case ExprOp::Not: return operands(e, {Type::Boolean}, Type::Boolean, "'!'");
    case ExprOp::And: return operands(e, {Type::Boolean, Type::Boolean}, Type::Boolean, "'&&'");
    case ExprOp::Or: return operands(e, {Type::Boolean, Type::Boolean}, Type::Boolean, "'||'");
    case ExprOp::Lt:
    case ExprOp::Le:
    case ExprOp::Gt:
    case ExprOp::Ge:
    case ExprOp::Eq:
    case ExprOp::Ne: return operands(e, {Type::Number, Type::Number}, Type::Boolean, "a comparison");
    case ExprOp::Where:
      if (isMask) return error(e, "uses where, which masks do not have; write (c && a) || (!c && b)");
      return operands(e, {Type::Boolean, Type::Number, Type::Number}, Type::Number, "where(condition, a, b)");
    case ExprOp::Div:
      if (isMask)
        return error(e, "divides, but its numbers are integers; multiply the other side, or give the quotient as "
                        "a query or key vector");
      return operands(e, {Type::Number, Type::Number}, Type::Number, "'/'");
    case ExprOp::Exp:
    case ExprOp::Log:
    case ExprOp::Tanh:
    case ExprOp::Sqrt:
      if (isMask)
        return error(e, "calls a function of real numbers, but its numbers are integers; masks have abs, min, max");
      return operands(e, {Type::Number}, Type::Number, "the function");
    case ExprOp::Abs: return operands(e, {Type::Number}, Type::Number, "abs");
    case ExprOp::Neg: return operands(e, {Type::Number}, Type::Number, "'-'");
    case ExprOp::Min: return operands(e, {Type::Number, Type::Number}, Type::Number, "min");
    case ExprOp::Max: return operands(e, {Type::Number, Type::Number}, Type::Number, "max");
    case ExprOp::Add: return operands(e, {Type::Number, Type::Number}, Type::Number, "'+'");
    case ExprOp::Sub: return operands(e, {Type::Number, Type::Number}, Type::Number, "'-'");
    case ExprOp::Mul: return operands(e, {Type::Number, Type::Number}, Type::Number, "'*'");
    }
    return error(e, "has an operation that is not known; correct it");
  }

  tl::unexpected<Error> error(const Expr &e, std::string message) const {
    return invalidAt(spec.file, {e.line, e.column}, what + " " + std::move(message));
  }

private:
  static bool isIntegers(const NamedInput &input) {
    return input.kind == NamedInput::Kind::IntVector || input.kind == NamedInput::Kind::IntScalar;
  }

  Result<Type> operands(const Expr &e, const std::vector<Type> &wanted, Type result, const std::string &who) const {
    for (size_t i = 0; i < wanted.size(); ++i) {
      Result<Type> type = typeOf(e.args[i]);
      if (!type) return type;
      if (*type == wanted[i]) continue;
      std::string remedy = e.op == ExprOp::Not          ? "write !(...) around a comparison"
                           : wanted[i] == Type::Boolean ? "compare it, as in x != 0"
                           : isMask                     ? "join conditions with '&&', '||', '!'"
                                                        : "make it a number by where(condition, 1, 0)";
      return error(e.args[i], "gives " + who + " " + std::string(name(*type)) + " where it takes " +
                                  std::string(name(wanted[i])) + "; " + remedy);
    }
    return result;
  }

  Result<Type> number(const Expr &e) const {
    if (!isMask) return Type::Number;
    if (e.text.find('.') != std::string::npos)
      return error(e, "has the number " + e.text + ", but its numbers are integers; round it, or multiply both sides");
    if (e.text.size() > 10 || (e.text.size() == 10 && e.text > "2147483647"))
      return error(e, "has the number " + e.text + ", but its integers have 32 bits; use at most 2147483647");
    return Type::Number;
  }

  Result<Type> variable(const Expr &e) const {
    if (std::find(known.begin(), known.end(), e.text) != known.end()) return Type::Number;
    const NamedInput *input = spec.input(e.text);
    if (e.text == "mask")
      return error(
          e, "names 'mask', but the mask tensor is a term of its own; remove it, and declare mask_tensor if it exists");
    if (e.text == "bias" && !input)
      return error(e, "names 'bias', but no bias is declared; add bias = { dims = [\"heads\", \"q\", \"kv\"] }");
    if (isMask && (e.text == "z" || input))
      return error(e, "names '" + e.text +
                          "', but masks know integers alone; use indices, lengths, query_vectors, "
                          "kv_vectors, int_scalars");
    if (input)
      return error(e, "names '" + e.text +
                          "', which is integers for the mask; name it there, or declare a float in scalars "
                          "or head_vectors");
    return error(e, "names '" + e.text.substr(0, 40) + "', which is not known; " + suggestion(e.text, known));
  }

  const AttentionSpec &spec;
  bool isMask;
  std::string what;
  std::vector<std::string> known;
};

Status check(const Expr &e, const AttentionSpec &spec, bool isMask) {
  Checker checker(spec, isMask);
  Result<Type> type = checker.typeOf(e);
  if (!type) return tl::unexpected(type.error());
  if (isMask && *type == Type::Number)
    return checker.error(
        e, "is a number, but must be a condition that keeps an entry; compare it, as in kv_index <= q_index");
  if (!isMask && *type == Type::Boolean)
    return checker.error(e,
                         "is a condition, but must be a number; use it as the mask, or write where(condition, a, b)");
  if (countNodes(e) > MaxExpressionNodes)
    return checker.error(e, "has, with what is joined to it, more than " + std::to_string(MaxExpressionNodes) +
                                " numbers, names and operations; shorten it");
  return {};
}
} // namespace

Status checkScore(const Expr &score, const AttentionSpec &spec) { return check(score, spec, false); }
Status checkMask(const Expr &mask, const AttentionSpec &spec) { return check(mask, spec, true); }

} // namespace jvpgen
