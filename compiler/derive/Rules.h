// The table of derivative rules: one entry an operation; forward and reverse mode both read it.
#ifndef JVPGEN_COMPILER_DERIVE_RULES_H
#define JVPGEN_COMPILER_DERIVE_RULES_H

#include "compiler/ir/Term.h"
#include "llvm/ADT/ArrayRef.h"

namespace jvpgen {

/// The partial derivatives of a pointwise function y = f(x...) with respect to each argument, as terms of y and x.
struct Rule {
  const char *function;
  unsigned arity;
  std::vector<Term> (*partials)(Term y, llvm::ArrayRef<Term> x);
};

/// All rules, in the order of the table.
llvm::ArrayRef<Rule> ruleTable();

/// The rule of a function; null if the table lacks it.
const Rule *findRule(llvm::StringRef function);

/// (argument, partial) of a pointwise term: lin, mul, mexp and the table's functions; partials that are 0 are left out.
std::vector<std::pair<Term, Term>> partialsOf(Term t);

/// d lse_j(S) = sum_j W dS with W = exp(S - lse) under the same mask.
Term softmaxWeight(Term lse);

} // namespace jvpgen

#endif
