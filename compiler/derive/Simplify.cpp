// The order of the passes.
#include "compiler/derive/Simplify.h"

#include "compiler/derive/Factor.h"

using namespace jvpgen;

Program jvpgen::simplify(const Program &program, const SavedEquations *saved) {
  Program p = saved ? program.withRoots(saved->apply(program.roots())) : program;
  p = collectProducts(p);
  p = pullLateTerms(p);
  p = collectProducts(p);
  return factorTiles(p);
}
