// The rules themselves, under other names for the two entries through which derivations ask.
#define partialsOf rightPartialsOf
#define softmaxWeight rightSoftmaxWeight
#include "compiler/derive/Rules.cpp"
#undef partialsOf
#undef softmaxWeight

#include "tests/mutations/WrongRules.h"

namespace jvpgen {
std::vector<std::pair<Term, Term>> partialsOf(Term t);
Term softmaxWeight(Term lse);
} // namespace jvpgen

static WrongRule planted;

void jvpgen::plant(const WrongRule &wrong) { planted = wrong; }

static std::string ruleOf(Term t) {
  switch (t->kind) {
  case TermKind::Lin: return "lin";
  case TermKind::Mul: return "mul";
  case TermKind::Mexp: return "mexp";
  case TermKind::Apply: return t->name;
  default: return "";
  }
}

static Term wrong(Term partial) {
  switch (planted.how) {
  case WrongRule::How::Negated: return partial->context->scale(Rational(-1), partial);
  case WrongRule::How::Dropped: return partial->context->zero();
  case WrongRule::How::Doubled: return partial->context->scale(Rational(2), partial);
  }
  return partial;
}

std::vector<std::pair<Term, Term>> jvpgen::partialsOf(Term t) {
  std::vector<std::pair<Term, Term>> out = rightPartialsOf(t);
  if (!planted.rule.empty() && planted.rule == ruleOf(t))
    for (auto &[argument, partial] : out)
      if (planted.argument < t->args.size() && argument == t->args[planted.argument]) partial = wrong(partial);
  return out;
}

Term jvpgen::softmaxWeight(Term lse) {
  Term right = rightSoftmaxWeight(lse);
  return planted.rule == "lse" ? wrong(right) : right;
}
