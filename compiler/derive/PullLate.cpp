// Late row terms leave the products that wait for them.
#include "compiler/derive/Cost.h"
#include "compiler/derive/Simplify.h"

#include "llvm/ADT/STLExtras.h"

using namespace jvpgen;

/// A lin that holds a row value of a later level.
static bool holdsLateRow(Term lin) {
  return llvm::any_of(lin->args, [](Term a) { return !a->indices.has('j') && level(a) > 0; });
}

Program jvpgen::pullLateTerms(const Program &program) {
  Program out = program;
  TermSet done;
  while (true) {
    Term todo = nullptr;
    for (auto [l, t] : sweepRoots(out.roots()))
      if (!todo && t->is(TermKind::Sum) && l > 1 && !done.contains(t)) todo = t;
    if (!todo) return out;
    done.insert(todo);
    Program opened = out.withRoots(
        rebuild(out.roots(), [&](Term t) { return t == todo ? t->context->lin(termsOf(t, holdsLateRow)) : t; }));
    if (costOf(opened) < costOf(out)) out = opened;
  }
}
