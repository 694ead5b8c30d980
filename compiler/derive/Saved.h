// Rewriting modulo the equations "saved output = its definition", so that row statistics need no pass over the keys.
#ifndef JVPGEN_COMPILER_DERIVE_SAVED_H
#define JVPGEN_COMPILER_DERIVE_SAVED_H

#include "compiler/derive/Structure.h"
#include <map>

namespace jvpgen {

/// The equations of saved outputs, each oriented from its largest streamed sum (the lead) to the rest.
class SavedEquations {
public:
  /// Learns from definitions (of an unsimplified forward program), in this order; later ones are rewritten by earlier
  /// ones.
  SavedEquations(const Program &forward, const std::vector<std::string> &names);

  /// Rewrites bottom-up every value that lacks i or j and needs a sweep; keeps a rewrite only if its level falls.
  std::vector<Term> apply(const std::vector<Term> &roots) const;

private:
  struct Equation {
    std::vector<Term> cofactors; ///< row factors that stand beside the lead
    Term replacement;
  };

  void learn(const std::string &name, Term definition);
  Term reduce(Term t) const;
  Term rewrite(std::vector<Term> factors) const;
  Term rotate(Term factor) const;

  std::map<Term, Term, ById> saved; ///< a definition that is replaced as a whole (lse)
  std::map<Term, Equation, ById> leads;
  TermSet known;     ///< streamed sums that some equation speaks of
  TermSet vanishing; ///< saved values that are 0 in a row without keys
};

} // namespace jvpgen

#endif
