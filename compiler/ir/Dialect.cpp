// Verifiers of the attn dialect: every operation's index sets fit its operands'.
#include "compiler/ir/Dialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

#include "compiler/ir/AttnDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "compiler/ir/AttnTypes.cpp.inc"
#define GET_OP_CLASSES
#include "compiler/ir/AttnOps.cpp.inc"

void AttnDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "compiler/ir/AttnTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/ir/AttnOps.cpp.inc"
      >();
}

void attn::registerDialects(MLIRContext &context) { context.loadDialect<AttnDialect, arith::ArithDialect>(); }

OwningOpRef<ModuleOp> attn::parse(StringRef text, MLIRContext &context) {
  registerDialects(context);
  return parseSourceString<ModuleOp>(text, &context);
}

std::string attn::unite(StringRef a, StringRef b) {
  std::string out;
  for (char c : kIndexOrder)
    if (a.contains(c) || b.contains(c)) out += c;
  return out;
}

/// Splits "p/q" or "p"; q is positive and not 0.
static bool splitRational(StringRef text, StringRef &p, StringRef &q) {
  std::tie(p, q) = text.split('/');
  StringRef digits = p.starts_with("-") ? p.drop_front() : p;
  auto isNumber = [](StringRef s) {
    return !s.empty() && llvm::all_of(s, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!isNumber(digits)) return false;
  if (!text.contains('/')) return true;
  return isNumber(q) && q.find_first_not_of('0') != StringRef::npos;
}

double attn::toDouble(StringRef rational) {
  StringRef p, q;
  splitRational(rational, p, q);
  auto value = [](StringRef s) { return std::strtod(s.str().c_str(), nullptr); };
  return q.empty() ? value(p) : value(p) / value(q);
}

static bool isRational(StringRef text) {
  StringRef p, q;
  return splitRational(text, p, q);
}

LogicalResult ValueType::verify(function_ref<InFlightDiagnostic()> error, StringRef indices) {
  if (unite(indices, "") != indices)
    return error() << "indices \"" << indices << "\" are not distinct letters of \"" << kIndexOrder
                   << "\" in that order";
  return success();
}

static StringRef indicesOf(Value v) { return cast<ValueType>(v.getType()).getIndices(); }

static LogicalResult expectIndices(Operation *op, StringRef want, Value result) {
  if (indicesOf(result) == want) return success();
  return op->emitOpError() << "gives indices \"" << indicesOf(result) << "\" where its operands give \"" << want
                           << "\"";
}

static std::string uniteAll(ValueRange values) {
  std::string out;
  for (Value v : values) out = unite(out, indicesOf(v));
  return out;
}

static std::string without(StringRef indices, StringRef removed) {
  std::string out;
  for (char c : indices)
    if (!removed.contains(c)) out += c;
  return out;
}

LogicalResult InputOp::verify() {
  static const llvm::StringSet<> kinds = {"primal", "tangent", "cotangent", "saved", "stat", "acc", "max", "shift"};
  if (!kinds.contains(getKind())) return emitOpError() << "has the unknown kind \"" << getKind() << "\"";
  return success();
}

LogicalResult ConstantOp::verify() {
  if (!isRational(getValue())) return emitOpError() << "\"" << getValue() << "\" is not a number p or p/q";
  return expectIndices(*this, "", getResult());
}

LogicalResult IndexOp::verify() {
  static const llvm::StringMap<StringRef> indices = {
      {"i", "i"}, {"j", "j"}, {"b", "b"}, {"h", "nr"}, {"q_length", "b"}, {"kv_length", "b"}, {"#b", ""},
      {"#n", ""}, {"#r", ""}, {"#i", ""}, {"#j", ""},  {"#d", ""},        {"#e", ""},         {"#s", ""}};
  auto it = indices.find(getName());
  if (it == indices.end()) return emitOpError() << "does not know \"" << getName() << "\"";
  return expectIndices(*this, it->second, getResult());
}

LogicalResult LinOp::verify() {
  if (getTerms().size() != getCoefficients().size())
    return emitOpError() << "has " << getTerms().size() << " terms and " << getCoefficients().size() << " coefficients";
  for (Attribute a : getCoefficients())
    if (!isRational(cast<StringAttr>(a).getValue())) return emitOpError() << "coefficient " << a << " is not p or p/q";
  if (!isRational(getConstant())) return emitOpError() << "constant \"" << getConstant() << "\" is not p or p/q";
  return expectIndices(*this, uniteAll(getTerms()), getResult());
}

LogicalResult MulOp::verify() { return expectIndices(*this, uniteAll(getFactors()), getResult()); }

LogicalResult ApplyOp::verify() {
  static const llvm::StringMap<unsigned> arity = {
      {"exp", 1},  {"log", 1},   {"tanh", 1},     {"logistic", 1}, {"sqrt", 1}, {"abs", 1},   {"min", 2},
      {"max", 2},  {"where", 3}, {"lt", 2},       {"le", 2},       {"eq", 2},   {"recip", 1}, {"recip0", 1},
      {"sign", 1}, {"step", 1},  {"nonempty", 1}, {"and", 2},      {"or", 2},   {"not", 1}};
  auto it = arity.find(getFunction());
  if (it == arity.end()) return emitOpError() << "does not know the function \"" << getFunction() << "\"";
  if (it->second != getArguments().size())
    return emitOpError() << getFunction() << " takes " << it->second << " arguments, not " << getArguments().size();
  return expectIndices(*this, uniteAll(getArguments()), getResult());
}

LogicalResult MexpOp::verify() { return expectIndices(*this, unite(indicesOf(getExponent()), ""), getResult()); }

LogicalResult SumOp::verify() {
  for (char c : getOver())
    if (!cast<ValueType>(getBody().getType()).has(c))
      return emitOpError() << "sums over " << c << ", which its body lacks";
  return expectIndices(*this, without(indicesOf(getBody()), getOver()), getResult());
}

LogicalResult LseOp::verify() { return expectIndices(*this, without(indicesOf(getScore()), getOver()), getResult()); }

LogicalResult TensorOp::verify() {
  static const llvm::StringSet<> dtypes = {"bf16", "f16", "f32", "i32", "i8"};
  static const llvm::StringSet<> parts = {"primal",   "tangent", "cotangent", "output",
                                          "gradient", "vector",  "mask",      "length"};
  if (!dtypes.contains(getDtype())) return emitOpError() << "has the unknown dtype \"" << getDtype() << "\"";
  if (!parts.contains(getPart())) return emitOpError() << "has the unknown part \"" << getPart() << "\"";
  if (unite(getIndices(), "") != getIndices()) return emitOpError() << "has indices out of order";
  return success();
}

LogicalResult ReturnOp::verify() {
  if (getResults().size() != getNames().size())
    return emitOpError() << "names " << getNames().size() << " of " << getResults().size() << " results";
  return success();
}

bool MaskOp::dropsByBias() {
  return getKeep()
      .walk([](FetchOp fetch) { return fetch.getType().isF32() ? WalkResult::interrupt() : WalkResult::advance(); })
      .wasInterrupted();
}

LogicalResult MaskOp::verify() {
  auto check = [&](Region &region, unsigned arguments, unsigned results) -> LogicalResult {
    Block &block = region.front();
    if (block.getNumArguments() != arguments) return emitOpError() << "needs regions of " << arguments << " arguments";
    auto yield = dyn_cast<YieldOp>(block.getTerminator());
    if (!yield || yield.getValues().size() != results) return emitOpError() << "needs " << results << " yielded values";
    for (Value v : yield.getValues())
      if (!v.getType().isInteger(1)) return emitOpError() << "yields something other than i1";
    return success();
  };
  if (failed(check(getKeep(), 6, 1))) return failure();
  return check(getClassify(), 8, 2);
}

/// The single value that a region yields.
static FailureOr<ValueType> yielded(Operation *op, Region &region) {
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield || yield.getValues().size() != 1 || !isa<ValueType>(yield.getValues()[0].getType())) {
    op->emitOpError() << "must yield one value";
    return failure();
  }
  return cast<ValueType>(yield.getValues()[0].getType());
}

LogicalResult PreOp::verify() {
  FailureOr<ValueType> type = yielded(*this, getBody());
  if (failed(type)) return failure();
  if (type->hasFeature() || type->isTile()) return emitOpError() << "must be a row or column vector, not " << *type;
  return success();
}

LogicalResult PostOp::verify() { return yielded(*this, getBody()); }

LogicalResult EpilogueOp::verify() {
  FailureOr<ValueType> type = yielded(*this, getBody());
  if (failed(type)) return failure();
  auto sweep = cast<SweepOp>((*this)->getParentOp());
  StringRef rows = sweep.isRowSweep() ? "bnri" : "bnj";
  if (without(type->getIndices(), "de") != rows)
    return emitOpError() << "must have the owner's indices \"" << rows << "\", not \"" << type->getIndices() << "\"";
  return success();
}

LogicalResult PlanOp::verify() {
  for (Operation &op : getBody().front())
    if (!isa<PreOp, SweepOp, PostOp>(op)) return op.emitOpError() << "has no place in a plan";
  return success();
}

LogicalResult SweepOp::verify() {
  if (getStreamed() != "i" && getStreamed() != "j")
    return emitOpError() << "streams \"" << getStreamed() << "\", not i or j";
  int stage = 0; // accumulators, then roles, then epilogues
  for (Operation &op : getBody().front()) {
    int now = isa<AccumulatorOp>(op) ? 0 : isa<RoleOp>(op) ? 1 : isa<EpilogueOp>(op) ? 2 : -1;
    if (now < stage) return op.emitOpError() << "is out of place in a sweep";
    stage = now;
  }
  return success();
}

LogicalResult AccumulatorOp::verify() {
  auto type = cast<ValueType>(getType());
  auto sweep = cast<SweepOp>((*this)->getParentOp());
  StringRef own = sweep.isRowSweep() ? "bnri" : "bnj", other = sweep.isRowSweep() ? "bnj" : "bnri";
  if (getPlace() == "register" || getPlace() == "global") {
    StringRef rows = getPlace() == "register" ? own : other;
    if (without(type.getIndices(), "de") != rows)
      return emitOpError() << "in place \"" << getPlace() << "\" must have the indices \"" << rows << "\"";
  } else if (getPlace() == "tile") {
    if (type.getIndices() != "bnrij") return emitOpError() << "as a tile must have the indices \"bnrij\"";
  } else
    return emitOpError() << "has the unknown place \"" << getPlace() << "\"";
  return success();
}

LogicalResult ScoreOp::verify() {
  if (getRows().empty() || getRows().size() != getColumns().size() || getRows().size() != getOver().size())
    return emitOpError() << "needs as many rows as columns and summed indices, at least one";
  std::string all;
  for (auto [x, y, over] : llvm::zip(getRows(), getColumns(), getOver())) {
    StringRef o = cast<StringAttr>(over).getValue();
    auto xt = cast<ValueType>(x.getType()), yt = cast<ValueType>(y.getType());
    if (xt.has('j') || yt.has('i')) return emitOpError() << "takes factors with i first and with j second";
    if (o.size() != 1 || !xt.has(o[0]) || !yt.has(o[0]))
      return emitOpError() << "sums over " << over << ", which a factor lacks";
    all = unite(all, without(unite(indicesOf(x), indicesOf(y)), o));
  }
  return expectIndices(*this, all, getResult());
}

/// The accumulator of a given name in the sweep around an operation of a role.
static AccumulatorOp accumulatorOf(Operation *op, StringRef name) {
  auto sweep = op->getParentOfType<SweepOp>();
  for (auto acc : sweep.getBody().getOps<AccumulatorOp>())
    if (acc.getName() == name) return acc;
  return nullptr;
}

LogicalResult ReduceOp::verify() {
  AccumulatorOp acc = accumulatorOf(*this, getAccumulator());
  if (!acc) return emitOpError() << "adds to \"" << getAccumulator() << "\", which the sweep does not declare";
  if (!isRational(getCoefficient())) return emitOpError() << "has a coefficient that is not p or p/q";
  if (cast<ValueType>(acc.getType()).hasFeature()) return emitOpError() << "adds numbers to an accumulator of rows";
  return success();
}

LogicalResult OutOp::verify() {
  AccumulatorOp acc = accumulatorOf(*this, getAccumulator());
  if (!acc) return emitOpError() << "adds to \"" << getAccumulator() << "\", which the sweep does not declare";
  if (!isRational(getCoefficient())) return emitOpError() << "has a coefficient that is not p or p/q";
  auto type = cast<ValueType>(acc.getType()), matrix = cast<ValueType>(getMatrix().getType());
  if (acc.getPlace() == "tile" || type.has('d') != matrix.has('d') || type.has('e') != matrix.has('e'))
    return emitOpError() << "adds a product of type " << matrix << " to an accumulator of type " << type;
  return success();
}
