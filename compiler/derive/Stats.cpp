// Figures.
#include "compiler/derive/Stats.h"

#include "llvm/ADT/STLExtras.h"

using namespace jvpgen;

/// Names of the saved outputs below the roots; for a program without cotangents, those of its outputs that can be
/// saved.
static std::vector<std::string> savedState(const Program &p) {
  TermSet read;
  bool backward = false;
  for (Term t : topologicalOrder(p.roots())) {
    backward |= t->cotangent;
    if (t->is(TermKind::Input) && t->inputKind == InputKind::Saved) read.insert(t);
  }
  std::vector<std::string> out;
  for (const char *name : {"lse", "mu", "o", "to"}) {
    bool isRead = llvm::any_of(read, [&](Term t) { return t->name == name; });
    if (backward || !read.empty() ? isRead : p.output(name) != nullptr) out.push_back(name);
  }
  for (Term t : read)
    if (!llvm::is_contained(out, t->name)) out.push_back(t->name);
  return out;
}

Stats jvpgen::statsOf(const Program &p) {
  Cost cost = costOf(p);
  return {matmulsOf(p), cost.executed, cost.sweeps, cost.pointwise, savedState(p)};
}
