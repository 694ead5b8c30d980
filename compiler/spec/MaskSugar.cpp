#include "compiler/spec/MaskSugar.h"

namespace jvpgen {

namespace {
/// Builds nodes that all stand at the place of the key that asks for them.
struct Builder {
  Place place;

  Expr operator()(ExprOp op, Expr a, Expr b) const {
    Expr e{op, "", {}, place.line, place.column};
    e.args.push_back(std::move(a));
    e.args.push_back(std::move(b));
    return e;
  }
  Expr name(std::string text) const { return {ExprOp::Variable, std::move(text), {}, place.line, place.column}; }
  Expr number(int64_t value) const { return {ExprOp::Number, std::to_string(value), {}, place.line, place.column}; }

  /// top_left: i;   bottom_right: i + (kv_length - q_length), so that the last query sees the last key.
  Expr diagonal(bool bottomRight) const {
    Expr i = name("q_index");
    if (!bottomRight) return i;
    return (*this)(ExprOp::Add, std::move(i), (*this)(ExprOp::Sub, name("kv_length"), name("q_length")));
  }
};

void conjoin(std::optional<Expr> &terms, Expr term, const Builder &build) {
  terms = terms ? build(ExprOp::And, std::move(*terms), std::move(term)) : std::move(term);
}
} // namespace

/// j >= diagonal - left && j <= diagonal + right; -1 leaves a side open.
static Status readWindow(const TableReader &reader, bool bottomRight, std::optional<Expr> &terms) {
  constexpr int64_t most = int64_t(1) << 30;
  const TomlMember *found = reader.member("window");
  if (!found) return {};
  if (found->value.kind != TomlValue::Kind::Array || found->value.items.size() != 2)
    return reader.error(found->value.place,
                        "window must be a list of two integers; write window = [left, right], -1 for an "
                        "open side");
  Builder build{found->value.place};
  for (int side = 0; side < 2; ++side) {
    const TomlValue &width = found->value.items[side];
    if (width.kind != TomlValue::Kind::Integer || width.integer < -1 || width.integer > most)
      return reader.error(width.place,
                          "window's sides are integers from -1 to 1073741824; count the keys on that side of the "
                          "query's own, -1 for all");
    if (width.integer == -1) continue;
    Expr edge = build.diagonal(bottomRight);
    if (width.integer > 0) edge = build(side ? ExprOp::Add : ExprOp::Sub, std::move(edge), build.number(width.integer));
    conjoin(terms, build(side ? ExprOp::Le : ExprOp::Ge, build.name("kv_index"), std::move(edge)), build);
  }
  return {};
}

Status readMaskSugar(const TableReader &reader, AttentionSpec &spec) {
  enum { None, TopLeft, BottomRight };
  size_t causal = None;
  if (auto s = reader.choice("causal", {"none", "top_left", "bottom_right"}, causal); !s) return s;
  std::optional<Expr> terms;
  if (causal != None) { // j <= diagonal
    Builder build{reader.member("causal")->value.place};
    terms = build(ExprOp::Le, build.name("kv_index"), build.diagonal(causal == BottomRight));
  }
  if (auto s = readWindow(reader, causal == BottomRight, terms); !s) return s;
  if (terms && spec.mask) conjoin(terms, std::move(*spec.mask), Builder{{spec.mask->line, spec.mask->column}});
  if (terms) spec.mask = std::move(terms);
  return {};
}

} // namespace jvpgen
