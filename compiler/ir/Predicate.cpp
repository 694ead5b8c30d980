// Predicates over indices, lengths and integers, exactly and over intervals.
#include "compiler/ir/Predicate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringMap.h"
#include <limits>

using namespace mlir;
using namespace jvpgen;

namespace {

/// An expression of the mask and the operations that both regions make of it.
class PredicateWriter {
public:
  PredicateWriter(OpBuilder &builder, Location loc, const AttentionSpec &spec)
      : builder(builder), loc(loc), spec(spec) {}

protected:
  Value integer(int64_t v) { return arith::ConstantIntOp::create(builder, loc, v, 32); }
  Value boolean(bool v) { return arith::ConstantIntOp::create(builder, loc, v, 1); }
  Value number(const Expr &e) {
    int64_t v = 0;
    StringRef(e.text).getAsInteger(10, v);
    return integer(v);
  }
  template <typename Op> Value make(Value a, Value b) { return builder.createOrFold<Op>(loc, a, b); }
  Value compare(arith::CmpIPredicate p, Value a, Value b) { return builder.createOrFold<arith::CmpIOp>(loc, p, a, b); }
  Value least(Value a, Value b) { return make<arith::MinSIOp>(a, b); }
  Value greatest(Value a, Value b) { return make<arith::MaxSIOp>(a, b); }
  Value both(Value a, Value b) { return make<arith::AndIOp>(a, b); }
  Value either(Value a, Value b) { return make<arith::OrIOp>(a, b); }
  Value no(Value a) { return make<arith::XOrIOp>(a, boolean(true)); }
  Value negative(Value a) { return make<arith::SubIOp>(integer(0), a); }

  OpBuilder &builder;
  Location loc;
  const AttentionSpec &spec;
};

/// The predicate at one entry: integers are i32, conditions i1.
class EntryWriter : PredicateWriter {
public:
  EntryWriter(OpBuilder &b, Location loc, const AttentionSpec &spec, ValueRange args) : PredicateWriter(b, loc, spec) {
    const char *names[] = {"batch", "head", "q_index", "kv_index", "q_length", "kv_length"};
    for (auto [name, arg] : llvm::zip(names, args)) variables[name] = arg;
    i = args[2], j = args[3];
  }

  Value keep() {
    Value out = spec.mask ? write(*spec.mask) : Value();
    auto require = [&](Value v) { out = out ? both(out, v) : v; };
    for (const NamedInput &x : spec.inputs) {
      if (x.kind == NamedInput::Kind::Mask) require(fetch(x, builder.getI1Type()));
      if (x.kind == NamedInput::Kind::Bias) require(isAboveMinusInfinity(fetch(x, builder.getF32Type())));
    }
    return out ? out : boolean(true);
  }

private:
  Value fetch(const NamedInput &x, Type type) {
    std::string axes;
    SmallVector<Value> at;
    for (char c : {'i', 'j'})
      if (x.indices.find(c) != std::string::npos) axes += c, at.push_back(c == 'i' ? i : j);
    return attn::FetchOp::create(builder, loc, type, x.name, axes, at);
  }

  Value isAboveMinusInfinity(Value bias) {
    auto infinity = builder.getF32FloatAttr(-std::numeric_limits<float>::infinity());
    Value bound = arith::ConstantOp::create(builder, loc, infinity);
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE, bias, bound);
  }

  Value write(const Expr &e) {
    if (e.op == ExprOp::Number) return number(e);
    if (e.op == ExprOp::Variable) {
      Value &known = variables[e.text];
      if (!known) known = fetch(*spec.input(e.text), builder.getI32Type());
      return known;
    }
    SmallVector<Value, 2> x;
    for (const Expr &a : e.args) x.push_back(write(a));
    using P = arith::CmpIPredicate;
    switch (e.op) {
    case ExprOp::True: return boolean(true);
    case ExprOp::False: return boolean(false);
    case ExprOp::Neg: return negative(x[0]);
    case ExprOp::Abs: return greatest(x[0], negative(x[0]));
    case ExprOp::Add: return make<arith::AddIOp>(x[0], x[1]);
    case ExprOp::Sub: return make<arith::SubIOp>(x[0], x[1]);
    case ExprOp::Mul: return make<arith::MulIOp>(x[0], x[1]);
    case ExprOp::Min: return least(x[0], x[1]);
    case ExprOp::Max: return greatest(x[0], x[1]);
    case ExprOp::Lt: return compare(P::slt, x[0], x[1]);
    case ExprOp::Le: return compare(P::sle, x[0], x[1]);
    case ExprOp::Gt: return compare(P::sgt, x[0], x[1]);
    case ExprOp::Ge: return compare(P::sge, x[0], x[1]);
    case ExprOp::Eq: return compare(P::eq, x[0], x[1]);
    case ExprOp::Ne: return compare(P::ne, x[0], x[1]);
    case ExprOp::And: return both(x[0], x[1]);
    case ExprOp::Or: return either(x[0], x[1]);
    case ExprOp::Not: return no(x[0]);
    default: llvm_unreachable("the parser admits no other operation in a mask");
    }
  }

  llvm::StringMap<Value> variables;
  Value i, j;
};

/// Over a box: an integer is [least, greatest], a condition is (may be true, may be false).
struct Bounds {
  Value first, second;
};

class BoxWriter : PredicateWriter {
public:
  BoxWriter(OpBuilder &b, Location loc, const AttentionSpec &spec, ValueRange args)
      : PredicateWriter(b, loc, spec), i{args[2], args[3]}, j{args[4], args[5]} {
    variables["batch"] = {args[0], args[0]};
    variables["head"] = {args[1], args[1]};
    variables["q_index"] = i;
    variables["kv_index"] = j;
    variables["q_length"] = {args[6], args[6]};
    variables["kv_length"] = {args[7], args[7]};
  }

  Bounds classify() {
    Bounds out = spec.mask ? write(*spec.mask) : Bounds{boolean(true), boolean(false)};
    for (const NamedInput &x : spec.inputs)
      if (x.kind == NamedInput::Kind::Mask) out.second = boolean(true);
    return out;
  }

private:
  Bounds variable(const std::string &name) {
    Bounds &known = variables[name];
    if (known.first) return known;
    const NamedInput &x = *spec.input(name);
    if (x.kind == NamedInput::Kind::IntScalar) {
      Value v = attn::FetchOp::create(builder, loc, builder.getI32Type(), name, "", ValueRange());
      return known = {v, v};
    }
    bool ofQueries = x.indices.find('i') != std::string::npos;
    Bounds at = ofQueries ? i : j;
    auto range = attn::FetchRangeOp::create(builder, loc, builder.getI32Type(), builder.getI32Type(), name,
                                            ofQueries ? "i" : "j", at.first, at.second);
    return known = {range.getLeast(), range.getGreatest()};
  }

  Bounds product(Bounds a, Bounds b) {
    Value corners[] = {make<arith::MulIOp>(a.first, b.first), make<arith::MulIOp>(a.first, b.second),
                       make<arith::MulIOp>(a.second, b.first), make<arith::MulIOp>(a.second, b.second)};
    return {least(least(corners[0], corners[1]), least(corners[2], corners[3])),
            greatest(greatest(corners[0], corners[1]), greatest(corners[2], corners[3]))};
  }

  /// a <= b may hold if the least a is at most the greatest b, and may fail if the greatest a is above the least b.
  Bounds atMost(Bounds a, Bounds b) {
    return {compare(arith::CmpIPredicate::sle, a.first, b.second),
            compare(arith::CmpIPredicate::sgt, a.second, b.first)};
  }
  Bounds below(Bounds a, Bounds b) {
    return {compare(arith::CmpIPredicate::slt, a.first, b.second),
            compare(arith::CmpIPredicate::sge, a.second, b.first)};
  }
  /// a == b may hold if the intervals meet, and may fail unless both are the same single number.
  Bounds equal(Bounds a, Bounds b) {
    using P = arith::CmpIPredicate;
    return {both(compare(P::sle, a.first, b.second), compare(P::sle, b.first, a.second)),
            either(compare(P::ne, a.first, b.second), compare(P::ne, b.first, a.second))};
  }

  Bounds write(const Expr &e) {
    if (e.op == ExprOp::Variable) return variable(e.text);
    if (e.op == ExprOp::Number) {
      Value v = number(e);
      return {v, v};
    }
    SmallVector<Bounds, 2> x;
    for (const Expr &a : e.args) x.push_back(write(a));
    auto swapped = [](Bounds b) { return Bounds{b.second, b.first}; };
    switch (e.op) {
    case ExprOp::True: return {boolean(true), boolean(false)};
    case ExprOp::False: return {boolean(false), boolean(true)};
    case ExprOp::Neg: return {negative(x[0].second), negative(x[0].first)};
    case ExprOp::Abs:
      return {greatest(integer(0), greatest(x[0].first, negative(x[0].second))),
              greatest(x[0].second, negative(x[0].first))};
    case ExprOp::Add:
      return {make<arith::AddIOp>(x[0].first, x[1].first), make<arith::AddIOp>(x[0].second, x[1].second)};
    case ExprOp::Sub:
      return {make<arith::SubIOp>(x[0].first, x[1].second), make<arith::SubIOp>(x[0].second, x[1].first)};
    case ExprOp::Mul: return product(x[0], x[1]);
    case ExprOp::Min: return {least(x[0].first, x[1].first), least(x[0].second, x[1].second)};
    case ExprOp::Max: return {greatest(x[0].first, x[1].first), greatest(x[0].second, x[1].second)};
    case ExprOp::Lt: return below(x[0], x[1]);
    case ExprOp::Le: return atMost(x[0], x[1]);
    case ExprOp::Gt: return below(x[1], x[0]);
    case ExprOp::Ge: return atMost(x[1], x[0]);
    case ExprOp::Eq: return equal(x[0], x[1]);
    case ExprOp::Ne: return swapped(equal(x[0], x[1]));
    case ExprOp::And: return {both(x[0].first, x[1].first), either(x[0].second, x[1].second)};
    case ExprOp::Or: return {either(x[0].first, x[1].first), both(x[0].second, x[1].second)};
    case ExprOp::Not: return swapped(x[0]);
    default: llvm_unreachable("the parser admits no other operation in a mask");
    }
  }

  llvm::StringMap<Bounds> variables;
  Bounds i, j;
};

} // namespace

void jvpgen::buildMask(OpBuilder &builder, Location loc, const AttentionSpec &spec) {
  OpBuilder::InsertionGuard guard(builder);
  auto mask = attn::MaskOp::create(builder, loc);
  auto enter = [&](Region &region, unsigned arguments) {
    SmallVector<Type> types(arguments, builder.getI32Type());
    return builder.createBlock(&region, {}, types, SmallVector<Location>(arguments, loc))->getArguments();
  };
  ValueRange entry = enter(mask.getKeep(), 6);
  attn::YieldOp::create(builder, loc, EntryWriter(builder, loc, spec, entry).keep());
  ValueRange box = enter(mask.getClassify(), 8);
  Bounds b = BoxWriter(builder, loc, spec, box).classify();
  attn::YieldOp::create(builder, loc, ValueRange{b.first, b.second});
}
