// The predicate of a mask and its classifier, as C++ functions of integers.
#include "compiler/emit/Interface.h"
#include "compiler/emit/Text.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace jvpgen;
using namespace jvpgen::attn;

namespace {

/// Prints the operations of one region of the mask, one statement each.
class RegionText {
public:
  RegionText(Parameters &parameters, const Interface &interface) : parameters(parameters), interface(interface) {}

  /// Gives the region's arguments their names, then prints what the yielded value of that number needs.
  Result<std::string> statements(Region &region, llvm::ArrayRef<StringRef> arguments, unsigned number) {
    return statements(region, arguments, {cast<YieldOp>(region.front().getTerminator()).getValues()[number]});
  }
  /// The same of any values.
  Result<std::string> statements(Region &region, llvm::ArrayRef<StringRef> arguments, std::vector<Value> pending) {
    for (auto [value, name] : llvm::zip(region.getArguments(), arguments)) names[value] = name.str();
    llvm::SmallPtrSet<Operation *, 16> needed;
    while (!pending.empty()) {
      Operation *op = pending.back().getDefiningOp();
      pending.pop_back();
      if (op && needed.insert(op).second) pending.insert(pending.end(), op->operand_begin(), op->operand_end());
    }
    for (Operation &op : region.front().without_terminator())
      if (needed.contains(&op))
        if (Result<void> done = print(op); !done) return tl::unexpected(done.error());
    return text;
  }
  std::string yielded(Region &region, unsigned number) {
    return names[cast<YieldOp>(region.front().getTerminator()).getValues()[number]];
  }
  std::string use(Value v) { return names[v]; }

private:
  Result<void> print(Operation &op) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      names[constant.getResult()] = constantText(constant);
      return {};
    }
    if (auto fetch = dyn_cast<FetchOp>(op)) return define(fetch.getResult(), fetchText(fetch));
    if (auto range = dyn_cast<FetchRangeOp>(op)) return printRange(range);
    if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
      static const char *signs[] = {"==", "!=", "<", "<=", ">", ">=", "<", "<=", ">", ">="};
      return define(compare.getResult(), binary(op, signs[static_cast<int>(compare.getPredicate())]));
    }
    if (auto compare = dyn_cast<arith::CmpFOp>(op)) return printFloatComparison(compare);
    if (auto select = dyn_cast<arith::SelectOp>(op))
      return define(select.getResult(), use(select.getCondition()) + " ? " + use(select.getTrueValue()) + " : " +
                                            use(select.getFalseValue()));
    const char *sign = llvm::TypeSwitch<Operation *, const char *>(&op)
                           .Case<arith::AddIOp>([](auto) { return "+"; })
                           .Case<arith::SubIOp>([](auto) { return "-"; })
                           .Case<arith::MulIOp>([](auto) { return "*"; })
                           .Case<arith::DivSIOp>([](auto) { return "/"; })
                           .Case<arith::RemSIOp>([](auto) { return "%"; })
                           .Case<arith::AndIOp>([](auto) { return "&"; })
                           .Case<arith::OrIOp>([](auto) { return "|"; })
                           .Case<arith::XOrIOp>([](auto) { return "^"; })
                           .Case<arith::MinSIOp>([](auto) { return "<?"; })
                           .Case<arith::MaxSIOp>([](auto) { return ">?"; })
                           .Default([](auto) { return nullptr; });
    if (!sign)
      return fail(ErrorKind::Unsupported,
                  "a mask with " + op.getName().getStringRef().str() +
                      " has no CUDA text; write the mask with + - * comparisons, and, or, not.");
    std::string x = use(op.getOperand(0)), y = use(op.getOperand(1));
    if (sign[1] == '?') return define(op.getResult(0), x + " " + sign[0] + " " + y + " ? " + x + " : " + y);
    return define(op.getResult(0), binary(op, sign));
  }

  Result<void> printFloatComparison(arith::CmpFOp op) {
    const char *sign = llvm::StringSwitch<const char *>(arith::stringifyCmpFPredicate(op.getPredicate()))
                           .Cases({"oeq", "ueq"}, "==")
                           .Cases({"one", "une"}, "!=")
                           .Cases({"olt", "ult"}, "<")
                           .Cases({"ole", "ule"}, "<=")
                           .Cases({"ogt", "ugt"}, ">")
                           .Cases({"oge", "uge"}, ">=")
                           .Default(nullptr);
    if (!sign)
      return fail(ErrorKind::Unsupported, "a mask compares floats in a way without CUDA text; use == != < <= > >=.");
    return define(op.getResult(), binary(*op, sign));
  }

  std::string binary(Operation &op, StringRef sign) {
    return use(op.getOperand(0)) + " " + sign.str() + " " + use(op.getOperand(1));
  }
  std::string constantText(arith::ConstantOp op) {
    if (auto b = dyn_cast<BoolAttr>(op.getValue())) return b.getValue() ? "true" : "false";
    if (auto i = dyn_cast<IntegerAttr>(op.getValue())) {
      std::string text = std::to_string(i.getInt());
      return text[0] == '-' ? "(" + text + ")" : text;
    }
    APFloat x = cast<FloatAttr>(op.getValue()).getValue();
    if (x.isInfinity()) return x.isNegative() ? "-infinity()" : "infinity()";
    return literal(x.convertToDouble());
  }
  std::string fetchText(FetchOp fetch) {
    const TensorInfo &tensor = interface.tensors.find(fetch.getName())->second;
    std::string i = "0", j = "0";
    for (auto [axis, at] : llvm::zip(fetch.getAxes(), fetch.getAt())) (axis == 'i' ? i : j) = use(at);
    if (tensor.dtype != DType::I32 && tensor.dtype != DType::I8) return numberAt(parameters, tensor, i, j);
    std::string text = "integer<" + tensor.type() + ">(" + parameters.use(tensor) + ", " + placeOf(tensor) + ", " +
                       headOf(tensor) + ", " + i + ", " + j + ")";
    return fetch.getType().isInteger(1) ? text + " != 0" : text;
  }
  Result<void> printRange(FetchRangeOp range) {
    const TensorInfo &tensor = interface.tensors.find(range.getName())->second;
    std::string least = fresh(), greatest = fresh();
    names[range.getLeast()] = least, names[range.getGreatest()] = greatest;
    text += "int " + least + ", " + greatest + ";\ninteger_range(" + parameters.use(tensor) + ", s, " + headOf(tensor) +
            ", " + (range.getAxis() == "i" ? "Axis::query" : "Axis::key") + ", " + use(range.getFirst()) + ", " +
            use(range.getLast()) + ", " + least + ", " + greatest + ");\n";
    return {};
  }
  Result<void> define(Value value, const std::string &expression) {
    std::string name = fresh();
    Type type = value.getType();
    text += std::string("const ") +
            (type.isInteger(1) ? "bool "
             : type.isF32()    ? "float "
                               : "int ") +
            name + " = " + expression + ";\n";
    names[value] = name;
    return {};
  }
  std::string fresh() { return "x" + std::to_string(count++); }

  Parameters &parameters;
  const Interface &interface;
  DenseMap<Value, std::string> names;
  std::string text;
  int count = 0;
};

} // namespace

static Result<std::string> functionText(Parameters &parameters, const Interface &interface, Region &region,
                                        StringRef head, llvm::ArrayRef<StringRef> arguments, unsigned number) {
  RegionText printer(parameters, interface);
  Result<std::string> body = printer.statements(region, arguments, number);
  if (!body) return body;
  return "static DEV bool " + head.str() + " {\n" +
         indent(*body + "return " + printer.yielded(region, number) + ";\n", 2) + "}\n";
}

Result<std::string> jvpgen::keepText(Parameters &parameters, const Interface &interface) {
  StringRef at[] = {"s.b", "s.h", "i", "j", "s.q_length", "s.kv_length"};
  Result<std::string> text = functionText(parameters, interface, MaskOp(interface.mask).getKeep(),
                                          "keep(const Args &args, const Sequence &s, int i, int j)", at, 0);
  if (!text) return text;
  return "/// Whether the entry (i, j) counts.\n" + *text;
}

std::optional<TensorDeclaration> jvpgen::maskBoxes(const Interface &interface) {
  MaskOp mask = interface.mask;
  if (!mask) return std::nullopt;
  bool isJudged = false;
  std::string used = interface.layout == "dense" ? "" : "b";
  mask.getKeep().walk([&](FetchOp fetch) {
    const TensorInfo &tensor = interface.tensors.find(fetch.getName())->second;
    isJudged |= fetch.getAxes().size() == 2 && tensor.dtype == DType::I8;
    used += tensor.indices;
  });
  if (!isJudged) return std::nullopt;
  Block &keep = mask.getKeep().front();
  if (!keep.getArgument(0).use_empty()) used += "b";
  if (!keep.getArgument(1).use_empty()) used += "nr";
  if (StringRef(used).contains('r')) used += "n"; // heads are counted by both
  TensorDeclaration out{kMaskBoxes.str(), "", DType::I8, false};
  for (char c : StringRef("bnr"))
    if (StringRef(used).contains(c)) out.indices += c;
  out.indices += "ij";
  out.query_step = 128, out.key_step = 16; // kBoxQueries, kBoxKeys of templates/memory.cuh
  return out;
}

Result<std::string> jvpgen::maskText(Parameters &parameters, const Interface &interface, bool seesBias) {
  MaskOp mask = interface.mask;
  if (!mask)
    return std::string(
        "static DEV bool keep(const Args &, const Sequence &, int, int) { return true; }\n"
        "static DEV bool may_keep(const Args &, const Sequence &, int, int, int, int) { return true; }\n"
        "static DEV bool may_drop(const Args &, const Sequence &, int, int, int, int) { return false; }\n");
  Result<std::string> out = keepText(parameters, interface);
  if (!out) return out;
  *out += "/// Whether some entry of the box i0 .. i1, j0 .. j1 may count, and whether one may not.\n";
  const std::string box = "(const Args &args, const Sequence &s, int i0, int i1, int j0, int j1)";
  StringRef ends[] = {"s.b", "s.h", "i0", "i1", "j0", "j1", "s.q_length", "s.kv_length"};
  auto boxes = interface.tensors.find(kMaskBoxes);
  const std::string names[] = {"may_keep", "may_drop"};
  for (auto [number, name] : llvm::enumerate(names)) {
    if (boxes != interface.tensors.end()) {
      const TensorInfo &bytes = boxes->second;
      *out += "static DEV bool " + name + box + " {\n  return judged_boxes(" + parameters.use(bytes) + ", s.b, " +
              headOf(bytes) + ", i0, i1, j0, j1) & " + std::to_string(number + 1) + ";\n}\n";
      continue;
    }
    if (number == 1 && mask.dropsByBias() && !seesBias) {
      *out += "static DEV bool " + name + box + " { return true; }\n";
      continue;
    }
    Result<std::string> text =
        functionText(parameters, interface, mask.getClassify(), name + box, ends, static_cast<unsigned>(number));
    if (!text) return text;
    *out += *text;
  }
  return out;
}

bool jvpgen::mayBeEmpty(const Interface &interface) {
  MaskOp mask = interface.mask;
  if (!mask) return false;
  Value mayKeep = cast<YieldOp>(mask.getClassify().front().getTerminator()).getValues()[0];
  return interface.tensors.count(kMaskBoxes) || !matchPattern(mayKeep, m_One());
}

bool jvpgen::judgesTogether(const Interface &interface) {
  bool ranges = false;
  if (interface.tensors.count(kMaskBoxes)) return false; // judged already
  if (MaskOp mask = interface.mask) mask.walk([&](FetchRangeOp) { ranges = true; });
  return ranges;
}

bool jvpgen::judgesByMemory(const Interface &interface) {
  return judgesTogether(interface) || interface.tensors.count(kMaskBoxes);
}

// ---- the keys of a row ----

namespace {
/// One side of a row's keys: from x - y on, or up to below it; or none of them unless the condition holds.
struct KeyBound {
  enum Kind { From, UpTo, Unless } kind;
  Value x, y; ///< a condition: x alone
  int step = 0;
};
} // namespace

/// k where an integer is k j + something without j; nothing where it is no such sum.
static std::optional<int> slopeOf(Value v, Value j) {
  if (v == j) return 1;
  Operation *op = v.getDefiningOp();
  if (!op) return 0;
  llvm::SmallVector<int, 2> slopes;
  for (Value x : op->getOperands()) {
    std::optional<int> slope = slopeOf(x, j);
    if (!slope) return std::nullopt;
    slopes.push_back(*slope);
  }
  if (llvm::all_of(slopes, [](int slope) { return slope == 0; })) return 0;
  if (isa<arith::AddIOp>(op)) return slopes[0] + slopes[1];
  if (isa<arith::SubIOp>(op)) return slopes[0] - slopes[1];
  return std::nullopt;
}

/// The predicate as bounds of j. With x(j) = x(0) + j and y(j) = y(0):  x <= y  is  j < y(0) - x(0) + 1, and so on.
static bool boundsOf(Value keep, Value j, llvm::SmallVectorImpl<KeyBound> &out) {
  if (auto both = keep.getDefiningOp<arith::AndIOp>())
    return boundsOf(both.getLhs(), j, out) && boundsOf(both.getRhs(), j, out);
  if (matchPattern(keep, m_One())) return true;
  if (slopeOf(keep, j) == 0) {
    out.push_back({KeyBound::Unless, keep, Value()});
    return true;
  }
  auto compare = keep.getDefiningOp<arith::CmpIOp>();
  if (!compare || !compare.getLhs().getType().isInteger(32)) return false;
  Value x = compare.getLhs(), y = compare.getRhs();
  std::optional<int> left = slopeOf(x, j), right = slopeOf(y, j);
  if (!left || !right || std::abs(*left - *right) != 1) return false;
  arith::CmpIPredicate sign = compare.getPredicate();
  if (*left < *right) {
    std::swap(x, y);
    sign = sign == arith::CmpIPredicate::sle   ? arith::CmpIPredicate::sge
           : sign == arith::CmpIPredicate::slt ? arith::CmpIPredicate::sgt
           : sign == arith::CmpIPredicate::sge ? arith::CmpIPredicate::sle
           : sign == arith::CmpIPredicate::sgt ? arith::CmpIPredicate::slt
                                               : sign;
  }
  const bool isEqual = sign == arith::CmpIPredicate::eq;
  const size_t before = out.size();
  if (isEqual || sign == arith::CmpIPredicate::sle) out.push_back({KeyBound::UpTo, y, x, 1});
  if (sign == arith::CmpIPredicate::slt) out.push_back({KeyBound::UpTo, y, x, 0});
  if (isEqual || sign == arith::CmpIPredicate::sge) out.push_back({KeyBound::From, y, x, 0});
  if (sign == arith::CmpIPredicate::sgt) out.push_back({KeyBound::From, y, x, 1});
  return out.size() > before;
}

Result<std::string> jvpgen::keptRangeText(Parameters &parameters, const Interface &interface) {
  llvm::SmallVector<KeyBound> bounds;
  std::string body;
  bool areRanges = true;
  if (MaskOp mask = interface.mask) {
    Region &keep = mask.getKeep();
    areRanges = boundsOf(cast<YieldOp>(keep.front().getTerminator()).getValues()[0], keep.getArgument(3), bounds);
    if (!areRanges) bounds.clear();
    std::vector<Value> needed;
    for (const KeyBound &bound : bounds)
      for (Value v : {bound.x, bound.y})
        if (v) needed.push_back(v);
    RegionText printer(parameters, interface);
    Result<std::string> statements =
        printer.statements(keep, {"s.b", "s.h", "i", "0", "s.q_length", "s.kv_length"}, needed);
    if (!statements) return statements;
    body = *statements;
    for (const KeyBound &bound : bounds) {
      const std::string x = printer.use(bound.x), y = bound.y ? printer.use(bound.y) : "0";
      const std::string place = "i64(" + x + ")" + (y == "0" ? "" : " - " + y);
      if (bound.kind == KeyBound::Unless)
        body += "if (!" + x + ") keys.end = 0;\n";
      else
        body += std::string("keys.") + (bound.kind == KeyBound::From ? "begin" : "end") + "_at(" + place +
                (bound.step ? " + 1" : "") + ");\n";
    }
  }
  return std::string("static constexpr bool keeps_ranges = ") + (areRanges ? "true" : "false") +
         ";\n/// The keys that row i counts, if these are a range.\nstatic DEV void bound_keys(const Args &args, const "
         "Sequence &s, int i, KeyRange &keys) {\n" +
         indent(body, 2) + "}\n";
}
