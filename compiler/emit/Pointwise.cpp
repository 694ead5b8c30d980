#include "compiler/emit/Pointwise.h"

#include "compiler/emit/Text.h"
#include "llvm/ADT/TypeSwitch.h"
#include <numbers>

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

static ValueType typeOf(Value v) { return cast<ValueType>(v.getType()); }

void Pointwise::beginPass() {
  for (Value v : of_pass) names.erase(v), scopes.erase(v);
  of_pass.clear();
  text[Scope::Column].clear();
  text[Scope::Entry].clear();
}

/// A value belongs to the innermost scope of its indices; below the maximum or the centre, rows belong to the tile.
Scope Pointwise::scopeOf(Value v) {
  v = program.resolve(v);
  if (auto it = scopes.find(v); it != scopes.end()) return it->second;
  ValueType type = typeOf(v);
  const char ownAxis = program.isRowSweep() ? 'i' : 'j', streamedAxis = program.isRowSweep() ? 'j' : 'i';
  if (type.has(streamedAxis)) return type.has(ownAxis) ? Scope::Entry : Scope::Column;
  Scope scope = type.has(ownAxis) ? Scope::Row : Scope::Head;
  if (!isa<InputOp>(v.getDefiningOp()))
    for (Value x : v.getDefiningOp()->getOperands())
      if (scopeOf(x) == Scope::Tile) scope = Scope::Tile;
  return scope;
}

/// Adds the statement that computes a name in its scope, and says how inner scopes name it.
std::string Pointwise::declare(Scope scope, const std::string &name, const std::string &expression) {
  const std::string eachRow = "for (int r = 0; r < 2 * M; ++r) " + name + "[r] = " + expression + ";\n";
  switch (scope) {
  case Scope::Head:
    members += "float " + name + ";\n";
    text[scope] += name + " = " + expression + ";\n";
    return name;
  case Scope::Row:
    members += "float " + name + "[2 * M];\n";
    text[scope] += eachRow;
    return name + "[r]";
  case Scope::Tile: text[scope] += "float " + name + "[2 * M];\n" + eachRow; return name + "[r]";
  case Scope::Column:
    text[scope] += "float " + name + "[2];\nfor (int c = 0; c < 2; ++c) " + name + "[c] = " + expression + ";\n";
    return name + "[c]";
  case Scope::Entry: text[scope] += "const float " + name + " = " + expression + ";\n"; return name;
  }
  return name;
}

std::string Pointwise::bind(Value v, Scope scope, const std::string &expression, const std::string &stem) {
  std::string used = declare(scope, fresh(stem), expression);
  names[v] = used, scopes[v] = scope;
  if (scope == Scope::Column || scope == Scope::Entry) of_pass.insert(v);
  return used;
}

Result<std::string> Pointwise::use(Value v) {
  v = program.resolve(v);
  if (auto it = tiles.find(v); it != tiles.end()) return it->second + ".x[m][n][e]";
  if (auto it = names.find(v); it != names.end()) return it->second;
  return define(v);
}

Result<std::string> Pointwise::define(Value v) {
  Operation *op = v.getDefiningOp();
  Scope scope = scopeOf(v);
  auto bound = [&](Result<std::string> text, const char *stem) -> Result<std::string> {
    if (!text) return text;
    return bind(v, scope, *text, stem);
  };
  return llvm::TypeSwitch<Operation *, Result<std::string>>(op)
      .Case([&](InputOp x) { return input(x); })
      .Case([&](ConstantOp x) -> Result<std::string> { return literal(toDouble(x.getValue())); })
      .Case([&](IndexOp x) { return index(x); })
      .Case([&](LinOp x) { return bound(lin(x, 1, false), "x"); })
      .Case([&](MulOp x) { return bound(mul(x), "y"); })
      .Case([&](MexpOp x) { return bound(mexp(x), "p"); })
      .Case([&](ApplyOp x) { return bound(apply(x), "f"); })
      .Default([&](Operation *x) -> Result<std::string> {
        return fail(ErrorKind::Unsupported,
                    "the operation " + x->getName().getStringRef().str() +
                        " inside a tile has no CUDA text in the portable skeleton; choose another variant.");
      });
}

/// Rows and heads are loaded once; streamed statistics come through shared memory; entries by tiles.
Result<std::string> Pointwise::input(InputOp op) {
  auto known = program.interface.tensors.find(op.getName());
  if (known == program.interface.tensors.end())
    return fail(ErrorKind::Invalid, "the plan reads \"" + op.getName().str() + "\", which is no tensor of the module.");
  const TensorInfo &tensor = known->second;
  const std::string stem = identifier(tensor.name) + (identifier(tensor.name).back() == '_' ? "" : "_");
  Scope scope = scopeOf(op.getResult());
  auto bindOnce = [&](const std::string &expression) { return bind(op.getResult(), scope, expression, stem); };
  if (scope == Scope::Head) return bindOnce(numberAt(parameters, tensor, "0", "0"));
  if (scope == Scope::Row) {
    std::string at = numberAt(parameters, tensor, "own.row(r)", "own.row(r)");
    return bindOnce("own.row(r) < own.length ? " + at + " : 0.f");
  }
  if (scope == Scope::Column) {
    auto it = llvm::find(numbers, &tensor);
    const size_t number = static_cast<size_t>(it - numbers.begin());
    if (it == numbers.end()) {
      parameters.use(tensor);
      numbers.push_back(&tensor);
    }
    const std::string name = fresh(stem);
    text[scope] += "float " + name + "[2];\ntile.numbers<" + std::to_string(number) + ">(" + name + ", n);\n";
    of_pass.insert(op.getResult());
    return names[op.getResult()] = name + "[c]";
  }
  auto it = llvm::find_if(loaded, [&](auto &entry) { return entry.first == &tensor; });
  if (it == loaded.end()) it = loaded.insert(loaded.end(), {&tensor, stem + "tile"});
  if (holds_memory) {
    const std::string name = fresh(stem);
    text[Scope::Column] += "const auto " + name + " = " + it->second + ".columns(n);\n";
    of_pass.insert(op.getResult());
    return names[op.getResult()] = name + "(e)";
  }
  keepInTile(op.getResult(), it->second);
  return it->second + ".x[m][n][e]";
}

Result<std::string> Pointwise::index(IndexOp op) {
  const bool rows = program.isRowSweep();
  std::string text = llvm::StringSwitch<std::string>(op.getName())
                         .Case("i", rows ? "float(own.row(r))" : "tile.number(n, c)")
                         .Case("j", rows ? "tile.number(n, c)" : "float(own.row(r))")
                         .Case("b", "float(s.b)")
                         .Case("h", "float(s.h)")
                         .Case("q_length", "float(s.q_length)")
                         .Default("float(s.kv_length)");
  return bind(op.getResult(), scopeOf(op.getResult()), text, "at_" + op.getName().str() + "_");
}

/// A partial result that several entries share, computed in its own scope.
std::string Pointwise::hoist(Scope scope, const std::string &expression) {
  return declare(scope, fresh(scope == Scope::Column ? "column" : scope == Scope::Head ? "head" : "row"), expression);
}

/// scale * (constant + sum of coefficient * operand): what is known outside the entries' loop is added up there. In an
/// exponent that part stays finite: a row without keys has lse = -inf, and its entries are -inf already.
Result<std::string> Pointwise::lin(LinOp op, double scale, bool isExponent) {
  const Scope scope = scopeOf(op.getResult());
  std::vector<std::string> inner, columns, rows;
  Scope rowScope = Scope::Head;
  bool plain[2] = {true, true}; // of columns and rows: a single name, with a sign at most
  for (auto [term, coefficient] : llvm::zip(op.getTerms(), op.getCoefficients())) {
    Result<std::string> text = use(term);
    if (!text) return text;
    const double c = scale * toDouble(cast<StringAttr>(coefficient).getValue());
    const Scope part = scopeOf(term);
    const bool isInner = part == scope || scope < Scope::Column, isColumn = part == Scope::Column;
    (isInner ? inner : isColumn ? columns : rows).push_back(scaled(c, *text));
    if (isInner) continue;
    plain[isColumn ? 0 : 1] &= c == 1 || c == -1;
    if (!isColumn) rowScope = std::max(rowScope, part);
  }
  if (isExponent && !beside_exponents.empty()) {
    rows.push_back(beside_exponents);
    rowScope = Scope::Tile;
  }
  auto share = [&](std::vector<std::string> &terms, Scope where, bool isPlain) {
    if (terms.empty()) return;
    const std::string sum = joinTerms(terms);
    if (isExponent)
      inner.push_back(hoist(where, "least(" + sum + ", 1e38f)"));
    else
      inner.push_back(terms.size() == 1 && isPlain ? terms[0] : hoist(where, sum));
  };
  if (const double constant = scale * toDouble(op.getConstant()); constant != 0) {
    std::vector<std::string> &place = !rows.empty() ? rows : !columns.empty() ? columns : inner;
    place.push_back(literal(constant));
  }
  share(columns, Scope::Column, plain[0]);
  share(rows, rowScope, plain[1]);
  return joinTerms(inner);
}

/// The factor x + 1 or x - 1 that nothing else reads, in a product of several entries.
LinOp Pointwise::shiftedFactor(MulOp op) {
  if (scopeOf(op.getResult()) != Scope::Entry || op.getFactors().size() < 2) return nullptr;
  for (Value factor : op.getFactors()) {
    auto lin = program.resolve(factor).getDefiningOp<LinOp>();
    if (!lin || lin.getTerms().size() != 1 || std::abs(toDouble(lin.getConstant())) != 1) continue;
    if (toDouble(cast<StringAttr>(lin.getCoefficients()[0]).getValue()) != 1) continue;
    if (scopeOf(lin.getResult()) != Scope::Entry || usersOf(lin.getResult()).size() != 1) continue;
    if (!names.count(lin.getResult()) && !tiles.count(lin.getResult())) return lin;
  }
  return nullptr;
}

/// A product; y (x - 1) = y x - y is one instruction.
Result<std::string> Pointwise::mul(MulOp op) {
  const Scope scope = scopeOf(op.getResult());
  std::string inner, outer;
  Scope outerScope = Scope::Head;
  unsigned count = 0;
  LinOp shifted = shiftedFactor(op);
  for (Value factor : op.getFactors()) {
    if (shifted && program.resolve(factor) == shifted.getResult()) continue;
    Result<std::string> text = use(factor);
    if (!text) return text;
    Scope part = scopeOf(program.resolve(factor));
    const bool isOuter = scope == Scope::Entry && part < Scope::Column;
    if (isOuter) outerScope = std::max(outerScope, part), ++count;
    std::string &side = isOuter ? outer : inner;
    side += (side.empty() ? "" : " * ") + *text;
  }
  if (shifted && !inner.empty()) {
    Result<std::string> x = use(shifted.getTerms()[0]);
    if (!x) return x;
    const std::string y = declare(scope, fresh("y"), inner);
    inner = "fused(" + y + ", " + *x + ", " + (toDouble(shifted.getConstant()) < 0 ? "-" : "") + y + ")";
  } else if (shifted) {
    Result<std::string> text = use(shifted.getResult());
    if (!text) return text;
    inner = *text;
  }
  if (outer.empty()) return inner;
  if (inner.empty()) return outer;
  if (count > 1) outer = hoist(outerScope, outer);
  return inner + " * " + outer;
}

/// A value times a number, which moves into the coefficients of a lin.
Result<std::string> Pointwise::multiple(double scale, Value v, bool isExponent) {
  v = program.resolve(v);
  if (auto terms = v.getDefiningOp<LinOp>(); terms && scale != 1 && !names.count(v) && !tiles.count(v))
    return lin(terms, scale, isExponent);
  Result<std::string> x = use(v);
  if (!x) return x;
  return scaled(scale, *x);
}

Result<std::string> Pointwise::apply(ApplyOp op) {
  std::vector<std::string> arguments;
  for (Value a : op.getArguments()) {
    Result<std::string> text = multiple(arguments.empty() ? argumentScale(op.getFunction()) : 1, a, false);
    if (!text) return text;
    arguments.push_back(*text);
  }
  return applyText(op.getFunction(), arguments);
}

/// exp(x) = 2^(x log2 e), and 0 where the mask drops the entry.
Result<std::string> Pointwise::mexp(MexpOp op) {
  Result<std::string> text = multiple(std::numbers::log2e, op.getExponent(), true);
  if (!text) return text;
  if (maskedTile(op)) return "exp2_fast(" + *text + ")";
  masks_entries = true;
  return "keep(m, n, e) ? exp2_fast(" + *text + ") : 0.f";
}

std::vector<Operation *> Pointwise::usersOf(Value v) {
  std::vector<Operation *> out;
  for (Operation *user : program.flat.body)
    if (llvm::any_of(user->getOperands(), [&](Value x) { return program.resolve(x) == v; })) out.push_back(user);
  return out;
}

/// Whether all that the operation is for stands in tiles of its own already.
bool Pointwise::isBehind(Operation *op) {
  if (op->getNumResults() != 1) return false;
  if (tiles.count(op->getResult(0))) return true;
  const std::vector<Operation *> users = usersOf(op->getResult(0));
  return !users.empty() && llvm::all_of(users, [&](Operation *user) { return isBehind(user); });
}

/// Whether -infinity in the value's tile reaches exponents and maxima only, with positive coefficients; users that are
/// behind do not count where `later` says that they are computed by then.
bool Pointwise::onlyExponents(Value v, bool later) {
  auto isReference = [](Operation *user) { return isa<MexpOp, MaxOp>(user); };
  return llvm::all_of(usersOf(v), [&](Operation *user) {
    if (isReference(user) || (later && isBehind(user))) return true;
    auto lin = dyn_cast<LinOp>(user);
    if (!lin || !llvm::all_of(usersOf(lin.getResult()), isReference)) return false;
    for (auto [term, c] : llvm::zip(lin.getTerms(), lin.getCoefficients()))
      if (program.resolve(term) == v && toDouble(cast<StringAttr>(c).getValue()) <= 0) return false;
    return true;
  });
}

bool Pointwise::carryMask(Value v) {
  v = program.resolve(v);
  const bool can = tiles.count(v) && onlyExponents(v, true);
  if (can) carriers.insert(v);
  return can;
}

/// A tile can carry the mask where it enters exponents and maxima only, with positive coefficients.
Value Pointwise::maskedTile(MexpOp op) {
  auto exponent = program.resolve(op.getExponent()).getDefiningOp<LinOp>();
  if (!exponent) return nullptr;
  for (Value term : exponent.getTerms())
    if (Value v = program.resolve(term);
        carriers.contains(v) || (v.getDefiningOp<ScoreOp>() && onlyExponents(v, false)))
      return v;
  return nullptr;
}

bool Pointwise::mayBeInfinite(Value v) {
  v = program.resolve(v);
  Operation *op = v.getDefiningOp();
  if (scopeOf(v) != Scope::Entry || isa<ScoreOp, MexpOp, IndexOp, ConstantOp>(op)) return false;
  if (isa<InputOp>(op)) return !clears_masked;
  if (auto apply = dyn_cast<ApplyOp>(op))
    if (llvm::is_contained({"exp", "log", "sqrt", "recip", "recip0"}, apply.getFunction())) return true;
  return llvm::any_of(op->getOperands(), [&](Value x) { return mayBeInfinite(x); });
}

bool Pointwise::vanishesWhereMasked(Value v) {
  v = program.resolve(v);
  if (mayBeInfinite(v)) return false;
  Operation *op = v.getDefiningOp();
  if (isa<MexpOp>(op)) return true;
  if (isa<MulOp>(op)) return llvm::any_of(op->getOperands(), [&](Value x) { return vanishesWhereMasked(x); });
  if (auto lin = dyn_cast<LinOp>(op))
    return toDouble(lin.getConstant()) == 0 &&
           llvm::all_of(lin.getTerms(), [&](Value x) { return vanishesWhereMasked(x); });
  return false;
}
