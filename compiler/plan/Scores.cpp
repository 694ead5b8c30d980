// Score groups.
#include "compiler/plan/Scores.h"
#include "compiler/plan/Separate.h"

#include "llvm/ADT/STLExtras.h"
#include <map>

using namespace jvpgen;

namespace {
/// The terms that a role computes, products being leaves, and who uses each of them.
class RoleTerms {
public:
  struct Use {
    Term user; ///< null: a tile of the role
    Rational coefficient;
  };

  explicit RoleTerms(const std::vector<Term> &tiles) {
    for (Term t : tiles) visit(t), uses[t].push_back({nullptr, Rational(1)});
  }

  /// The lin that alone uses a product, and the product's coefficient there.
  const Use *onlyLin(Term product) const {
    const std::vector<Use> &all = uses.at(product);
    return all.size() == 1 && all[0].user && all[0].user->is(TermKind::Lin) ? &all[0] : nullptr;
  }

  std::vector<Term> order;

private:
  void visit(Term t) {
    if (!seen.insert(t).second) return;
    if (!isContraction(t))
      for (size_t k = 0; k < t->args.size(); ++k) {
        visit(t->args[k]);
        uses[t->args[k]].push_back({t, t->is(TermKind::Lin) ? t->coefficients[k] : Rational(1)});
      }
    order.push_back(t);
  }

  std::map<Term, std::vector<Use>, ById> uses;
  TermSet seen;
};
} // namespace

std::vector<Score> jvpgen::groupScores(std::vector<Term> &tiles) {
  RoleTerms role(tiles);
  std::vector<Score> scores;
  std::map<std::pair<unsigned, std::string>, size_t> places; // a lin and a coefficient in it, to its group
  std::map<Term, Term, ById> form;                           // null: held by the accumulator of another product
  for (Term t : role.order) {
    if (!isContraction(t)) {
      std::vector<Summand> summands;
      if (!t->is(TermKind::Lin)) {
        std::vector<Term> args;
        for (Term a : t->args) args.push_back(form.at(a));
        form[t] = plainRemake(t, args);
        continue;
      }
      for (auto [a, c] : llvm::zip(t->args, t->coefficients))
        if (form.at(a)) summands.push_back({form.at(a), c});
      form[t] = plainLin(*t->context, std::move(summands), t->constant);
      continue;
    }
    size_t group = scores.size();
    if (const RoleTerms::Use *use = role.onlyLin(t))
      group = places.try_emplace({use->user->id, print(use->coefficient)}, group).first->second;
    form[t] = nullptr;
    if (group == scores.size()) {
      form[t] = t->context->input("s" + std::to_string(group), t->indices, InputKind::Plan);
      scores.push_back({form[t], {}});
    }
    scores[group].products.push_back(t);
  }
  for (Term &t : tiles) t = form.at(t);
  return scores;
}
