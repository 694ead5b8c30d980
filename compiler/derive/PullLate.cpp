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
    Term late = nullptr;
    for (auto [l, t] : sweepRoots(out.roots()))
      if (!late && t->is(TermKind::Sum) && l > 1 && !done.contains(t)) late = t;
    if (!late) return out;
    done.insert(late);
    Program opened = out.withRoots(
        rebuild(out.roots(), [&](Term t) { return t == late ? t->context->lin(termsOf(t, holdsLateRow)) : t; }));
    if (costOf(opened) < costOf(out)) out = opened;
  }
}
