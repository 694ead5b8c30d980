// The forward mathematics of a specification.
#include "compiler/ir/Import.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"

using namespace jvpgen;

namespace {

/// Translates a score expression; comparisons and logic are 1 or 0.
class ScoreImporter {
public:
  ScoreImporter(TermContext &terms, const AttentionSpec &spec) : terms(terms), spec(spec) {}

  void bind(llvm::StringRef name, Term value) { variables[name] = value; }

  Result<Term> import(const Expr &e) {
    if (e.op == ExprOp::Number) return terms.constant(toRational(llvm::StringRef(e.text)));
    if (e.op == ExprOp::Variable) return variable(e);
    std::vector<Term> args;
    for (const Expr &a : e.args) {
      Result<Term> t = import(a);
      if (!t) return t;
      args.push_back(*t);
    }
    return apply(e, args);
  }

private:
  Result<Term> variable(const Expr &e) {
    if (auto it = variables.find(e.text); it != variables.end()) return it->second;
    llvm::StringRef index = llvm::StringSwitch<llvm::StringRef>(e.text)
                                .Case("q_index", "i")
                                .Case("kv_index", "j")
                                .Case("head", "h")
                                .Case("batch", "b")
                                .Cases({"q_length", "kv_length"}, e.text)
                                .Default("");
    if (!index.empty()) return terms.index(index.str());
    return fail(ErrorKind::Invalid,
                "the score names \"" + e.text +
                    "\", which is no variable of a score; declare it as a scalar or a head vector",
                spec.file + ":" + std::to_string(e.line) + ":" + std::to_string(e.column));
  }

  Term apply(const Expr &e, const std::vector<Term> &x) {
    Term one = terms.one();
    switch (e.op) {
    case ExprOp::Neg: return terms.scale(Rational(-1), x[0]);
    case ExprOp::Add: return terms.add(x[0], x[1]);
    case ExprOp::Sub: return terms.subtract(x[0], x[1]);
    case ExprOp::Mul: return terms.mul(x);
    case ExprOp::Div: return terms.divide(x[0], x[1]);
    case ExprOp::Exp: return terms.apply("exp", x);
    case ExprOp::Log: return terms.apply("log", x);
    case ExprOp::Tanh: return hyperbolicTangent(x[0]);
    case ExprOp::Sqrt: return terms.apply("sqrt", x);
    case ExprOp::Abs: return terms.apply("abs", x);
    case ExprOp::Min: return fold("min", x);
    case ExprOp::Max: return fold("max", x);
    case ExprOp::Where: return terms.apply("where", x);
    case ExprOp::Lt: return terms.apply("lt", x);
    case ExprOp::Le: return terms.apply("le", x);
    case ExprOp::Gt: return terms.apply("lt", {x[1], x[0]});
    case ExprOp::Ge: return terms.apply("le", {x[1], x[0]});
    case ExprOp::Eq: return terms.apply("eq", x);
    case ExprOp::Ne: return terms.apply("not", {terms.apply("eq", x)});
    case ExprOp::And: return fold("and", x);
    case ExprOp::Or: return fold("or", x);
    case ExprOp::Not: return terms.apply("not", x);
    case ExprOp::True: return one;
    case ExprOp::False: return terms.zero();
    case ExprOp::Number:
    case ExprOp::Variable: break;
    }
    return one;
  }

  /// tanh x = 2 L(2 x) - 1,  L(x) = 1 / (1 + exp(-x)):  a softmax ignores the 1, and L - L^2 is one instruction. Exact
  /// to 2^-23 of 1, which is enough beside products of 16 bits.
  Term hyperbolicTangent(Term x) {
    if (spec.dtype == DType::F32) return terms.apply("tanh", {x});
    return terms.subtract(terms.scale(Rational(2), terms.apply("logistic", {terms.scale(Rational(2), x)})),
                          terms.one());
  }

  /// f(f(a, b), c)
  Term fold(const char *function, const std::vector<Term> &x) {
    Term out = x[0];
    for (size_t k = 1; k < x.size(); ++k) out = terms.apply(function, {out, x[k]});
    return out;
  }

  TermContext &terms;
  const AttentionSpec &spec;
  llvm::StringMap<Term> variables;
};

} // namespace

Result<Program> jvpgen::importForward(TermContext &terms, const AttentionSpec &spec) {
  Program p;
  p.name = "forward";
  p.dims = {spec.head_dim_qk, spec.head_dim_v};
  Term q = terms.input("q", "bnrid"), k = terms.input("k", "bnjd"), v = terms.input("v", "bnje");
  p.inputs = {{"q", q}, {"k", k}, {"v", v}};
  ScoreImporter score(terms, spec);
  for (const NamedInput &x : spec.inputs) {
    if (!x.isDifferentiable()) continue;
    Term input = terms.input(x.name, IndexSet(x.indices));
    p.inputs.push_back({x.name, input});
    score.bind(x.name, input);
  }
  score.bind("z", terms.scale(toRational(spec.softmax_scale), terms.sum("d", terms.mul({q, k}))));
  Result<Term> s = score.import(spec.score);
  if (!s) return tl::unexpected(s.error());
  if ((*s)->indices != IndexSet("bnrij"))
    return fail(ErrorKind::Unsupported,
                "the score of " + spec.name +
                    " lacks the scaled logit z, so that queries and keys have no part in it; add z",
                spec.file + ":" + std::to_string(spec.score.line) + ":" + std::to_string(spec.score.column));
  Term lse = terms.lse("j", *s);
  Term weight = terms.mexp(terms.subtract(*s, lse));
  p.outputs = {{"o", terms.sum("j", terms.mul({weight, v}))}, {"lse", lse}};
  return p;
}
